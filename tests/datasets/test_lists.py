import pytest

from mmirstd.datasets.lists import parse_list, read_list, without_suffix


@pytest.mark.parametrize(
    'content',
    [
        b'Misc_1\nMisc_2\n',
        b'Misc_1\r\nMisc_2\r\n',
        b'Misc_1\nMisc_2',
        b'Misc_1\r\nMisc_2',
        b'\xef\xbb\xbfMisc_1\n\n  Misc_2  \n\n',
        b'/Misc_1\n./Misc_2\n',
    ],
)
def test_line_ends_blank_lines_and_leading_slashes_do_not_matter(content):
    assert parse_list(content, 'list') == ['Misc_1', 'Misc_2']


def test_names_in_sub_folders_with_parentheses():
    assert parse_list(b'/44/1(814)\n44\\1(815).bmp\n', 'list') == ['44/1(814)', '44/1(815).bmp']


def test_only_image_suffixes_are_cut():
    assert without_suffix('a/Misc_1.PNG') == 'a/Misc_1'
    assert without_suffix('frame.0007') == 'frame.0007'
    assert without_suffix('frame.0007.tiff') == 'frame.0007'


@pytest.mark.parametrize('content', [b'', b'\n\r\n  \n'])
def test_empty_list_is_an_error_naming_it(content, tmp_path):
    file = tmp_path / 'empty.txt'
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r'empty\.txt: the list names no image'):
        read_list(file)


def test_duplicates_are_an_error_with_both_lines():
    with pytest.raises(ValueError, match=r'list, line 3: .a\.png. is listed already in line 1'):
        parse_list(b'a\nb\na.png\n', 'list')


def test_names_may_not_leave_the_folder():
    with pytest.raises(ValueError, match=r'line 1.*leads out'):
        parse_list(b'../masks/a\n', 'list')


def test_binary_file_is_no_list():
    with pytest.raises(ValueError, match='list: not a text list'):
        parse_list(b'\x89PNG\r\n\x1a\n\xff\xfe', 'list')


def test_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.txt'):
        read_list(tmp_path / 'nothing.txt')

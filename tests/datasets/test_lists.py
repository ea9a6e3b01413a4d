import pytest

from mmirstd.datasets.lists import find_name, parse_list, read_list, without_suffix


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


@pytest.mark.parametrize(
    'content',
    [
        b'# my list\nMisc_1\n# more\nMisc_2\n',
        b'Misc_1.png masks/Misc_1.png\nMisc_2.png masks/Misc_2.png\n',
        b'Misc_1\t3\nMisc_2\t0\n',
        b'image,mask\nMisc_1.png,m/1.png\nMisc_2.png,m/2.png\n',
        b'Misc_1,12\nMisc_2,7\n',
        b'Misc_1.png;x\nMisc_2.png;y\n',
        b'Misc_1  1\nMisc_2 -1\n',
        b'"Misc_1"\n"Misc_2"\n',
        'Misc_1\r\nMisc_2\r\n'.encode('utf-16'),
        b'\xfe\xff' + 'Misc_1\nMisc_2'.encode('utf-16-be'),
    ],
)
def test_comments_columns_headers_and_encodings(content):
    assert [without_suffix(name) for name in parse_list(content, 'list')] == ['Misc_1', 'Misc_2']


@pytest.mark.parametrize(
    'names', [['frame 0', 'frame 1'], ['my image.png', 'b c'], ['a,b.png', 'c'], ['1', '0']]
)
def test_blanks_and_commas_may_belong_to_names(names):
    assert parse_list('\n'.join(names).encode(), 'list') == names


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        ('a', 'a'),
        ('a.png', 'a'),
        ('/root/images/b/c.png', 'b/c'),
        ('b/c', 'b/c'),
        ('c', None),
        ('x.jpg', 'x.jpg'),
        ('images/x.jpg.png', 'x.jpg'),
    ],
)
def test_names_are_found_below_any_folder(name, found):
    assert find_name(name, {'a', 'b/c', 'x.jpg'}) == found

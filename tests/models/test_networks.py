"""The infrared networks; see network_tester.py for what is checked."""

from network_tester import Fixture, NetworkTester

from mmirstd.conversion.acm import ACM
from mmirstd.conversion.dnanet import DNANET
from mmirstd.conversion.fc3net import FC3NET
from mmirstd.conversion.isnet import ISNET
from mmirstd.conversion.mshnet import MSHNET
from mmirstd.conversion.sctransnet import SCTRANSNET
from mmirstd.conversion.uiunet import UIUNET

UIUNET_OUTPUTS = ('d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6')
BACKBONE = 'model.backbone.'
PYTORCH_PORT = {
    BACKBONE + 'affine_input_norm': True,
    BACKBONE + 'align_corners': False,
    'model.decode_head.align_corners': False,
}
"""What the PyTorch ports of ACM changed."""


class TestDNANet(NetworkTester):
    name = 'dnanet'
    parameters = {1: 4_696_568, 3: 4_696_888}
    fixtures = {'dnanet': Fixture(DNANET, ('output4', 'output1', 'output2', 'output3'))}
    golden = (-5.98628, -4.60535, -5.44473, -5.85069, -5.63204, -7.47428, -3.18850, -6.82560)


class TestUIUNet(NetworkTester):
    name = 'uiunet'
    parameters = {1: 50_540_309, 3: 50_541_461}
    fixtures = {
        'uiunet': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
        'uiunet_odd': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
    }
    golden = (0.27416, -3.36154, -11.90826, -15.99988, -14.54991, -10.15165, -15.15724, -23.07343)


class TestACM(NetworkTester):
    name = 'acm'
    # The originals' counts plus the scale and shift of the input BN where they have it.
    parameters = {1: 518_269, 3: 518_413}
    fixtures = {
        'open_acm_unet': Fixture(ACM, ('logits',)),
        'open_acm_unet_tiny': Fixture(ACM, ('logits',), overrides={BACKBONE + 'tiny': True}),
        'open_acm_fpn': Fixture(ACM, ('logits',), overrides={BACKBONE + 'decoder': 'fpn'}),
        'acm_fpn': Fixture(
            ACM, ('logits',), overrides={BACKBONE + 'decoder': 'fpn', **PYTORCH_PORT}
        ),
        'acm_unet': Fixture(
            ACM, ('logits',), overrides={BACKBONE + 'project_high': True, **PYTORCH_PORT}
        ),
        'acm_unet_basicirstd': Fixture(
            ACM,
            ('logits',),
            overrides={
                BACKBONE + 'in_channels': 1,
                BACKBONE + 'blocks': [3, 3, 3],
                **PYTORCH_PORT,
            },
        ),
    }
    golden = (
        -519.22504,
        -2379.25732,
        -436.48450,
        -522.58252,
        -767.44165,
        81.92529,
        -41.21712,
        -426.56232,
    )


class TestMSHNet(NetworkTester):
    name = 'mshnet'
    parameters = {1: 4_065_481, 3: 4_065_513}
    native_sides = True
    fixtures = {'mshnet': Fixture(MSHNET, ('output', 'mask0', 'mask1', 'mask2', 'mask3'))}
    golden = (-13.64487, 38.69357, 23.93946, 24.00417, 20.22813, 23.81965, 31.21517, 55.44344)


class TestFC3Net(NetworkTester):
    name = 'fc3net'
    # The original's 7,043,864 hold 147,840 that its forward never reads.
    parameters = {1: 6_895_444, 3: 7_043_864 - 147_840}
    fixtures = {'fc3net': Fixture(FC3NET, ('logits',))}
    golden = (-0.02020, -0.05789, -0.02279, -0.04610, -0.03439, -0.05283, -1.19773, -0.03392)


class TestISNet(NetworkTester):
    name = 'isnet'
    # The original's 1,090,671 hold 103,709 that its forward never reads.
    parameters = {1: 986_686, 3: 1_090_671 - 103_709}
    fixtures = {
        'isnet': Fixture(ISNET, ('logits', 'edge_logits'), tolerance=3e-5),
        'isnet_basicirstd': Fixture(
            ISNET,
            ('logits', 'edge_logits'),
            tolerance=3e-5,
            overrides={BACKBONE + 'in_channels': 1, BACKBONE + 'modulated': False},
        ),
    }
    golden = (
        -3.51401,
        -1421.40002,
        -1085.44507,
        418.41714,
        -4420.01611,
        -6512.70752,
        -2494.05591,
        -2055.27832,
    )


class TestSCTransNet(NetworkTester):
    name = 'sctransnet'
    # The original's 11,325,939 hold 122,944 that its forward never reads.
    parameters = {1: 11_325_939 - 122_944, 3: 11_203_635}
    fixtures = {
        'sctransnet': Fixture(SCTRANSNET, ('out', 'gt2', 'gt3', 'gt4', 'gt5', 'd0'), tolerance=3e-5)
    }
    golden = (-1.97569, -0.27317, 4.84813, -0.12958, 4.98810, -0.39704, 3.08166, -3.47344)


class TestALCNet(NetworkTester):
    """There are no outputs of an original; tests/conversion/test_alcnet.py has its counts."""

    name = 'alcnet'
    # The original's 519,889 hold 92,928 that its forward never reads.
    parameters = {1: 519_889 - 92_928, 3: 427_109}
    golden = (
        -0.01755,
        654.28583,
        3846.19043,
        2745.72241,
        3567.30591,
        2876.67261,
        2285.51245,
        2833.84009,
    )

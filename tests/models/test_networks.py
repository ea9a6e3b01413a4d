"""The infrared networks; see network_tester.py for what is checked."""

from network_tester import Fixture, NetworkTester

from mmirstd.conversion.dnanet import DNANET
from mmirstd.conversion.uiunet import UIUNET

UIUNET_OUTPUTS = ('d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6')


class TestDNANet(NetworkTester):
    name = 'dnanet'
    parameters = {1: 4_696_568, 3: 4_696_888}
    fixtures = {'dnanet': Fixture(DNANET, ('output4', 'output1', 'output2', 'output3'))}
    golden = (-0.12908, -0.20475, -0.18413, -0.08472, -0.10847, -0.12590, -0.00214, -0.06156)


class TestUIUNet(NetworkTester):
    name = 'uiunet'
    parameters = {1: 50_540_309, 3: 50_541_461}
    fixtures = {
        'uiunet': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
        'uiunet_odd': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
    }
    golden = (0.10506, 0.00170, 0.06417, -0.13191, -0.20218, -0.14097, -0.12678, -0.14260)

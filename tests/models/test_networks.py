"""The infrared networks; see network_tester.py for what is checked."""

import torch
from network_tester import Fixture, NetworkTester
from torch import Tensor, nn

from mmirstd.conversion.acm import ACM
from mmirstd.conversion.agpcnet import AGPCNET
from mmirstd.conversion.dnanet import DNANET
from mmirstd.conversion.fc3net import FC3NET
from mmirstd.conversion.hdnet import HDNET
from mmirstd.conversion.isnet import ISNET
from mmirstd.conversion.mshnet import MSHNET
from mmirstd.conversion.rpcanet import RPCANET, RPCANET_PP
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


class TestUIUNet(NetworkTester):
    name = 'uiunet'
    parameters = {1: 50_540_309, 3: 50_541_461}
    fixtures = {
        'uiunet': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
        'uiunet_odd': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
    }


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


class TestMSHNet(NetworkTester):
    name = 'mshnet'
    parameters = {1: 4_065_481, 3: 4_065_513}
    native_sides = True
    fixtures = {'mshnet': Fixture(MSHNET, ('output', 'mask0', 'mask1', 'mask2', 'mask3'))}


class TestFC3Net(NetworkTester):
    name = 'fc3net'
    # The original's 7,043,864 hold 147,840 that its forward never reads.
    parameters = {1: 6_895_444, 3: 7_043_864 - 147_840}
    fixtures = {'fc3net': Fixture(FC3NET, ('logits',))}


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


class TestSCTransNet(NetworkTester):
    name = 'sctransnet'
    # The original's 11,325,939 hold 122,944 that its forward never reads.
    parameters = {1: 11_325_939 - 122_944, 3: 11_203_635}
    fixtures = {
        'sctransnet': Fixture(SCTRANSNET, ('out', 'gt2', 'gt3', 'gt4', 'gt5', 'd0'), tolerance=3e-5)
    }


class TestALCNet(NetworkTester):
    """There are no outputs of an original; tests/conversion/test_alcnet.py has its counts."""

    name = 'alcnet'
    # The original's 519,889 hold 92,928 that its forward never reads.
    parameters = {1: 519_889 - 92_928, 3: 427_109}


def with_gammas_of_one(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the non-local parts that let errors in them be seen."""
    return {
        name: torch.ones_like(value) if name.endswith('.gamma') else value
        for name, value in state.items()
    }


class TestAGPCNet(NetworkTester):
    name = 'agpcnet'
    parameters = {1: 12_354_189, 3: 12_360_461}
    fixtures = {
        'agpcnet': Fixture(AGPCNET, ('logits',), inner=('context', 'fuse23', 'fuse12')),
        'agpcnet_rect': Fixture(AGPCNET, ('logits',), inner=('context',)),
        **{
            f'{name} with gammas of one': Fixture(
                AGPCNET,
                ('logits_gamma_one',),
                inner=('context_gamma_one',),
                file=name,
                amend=with_gammas_of_one,
            )
            for name in ('agpcnet', 'agpcnet_rect')
        },
    }

    def inner_outputs(self, network: nn.Module, image: Tensor) -> dict[str, Tensor]:
        context, fuse23, fuse12 = network.backbone(image).padded
        return {
            'context': context,
            'context_gamma_one': context,
            'fuse23': fuse23,
            'fuse12': fuse12,
        }


class DecompositionTester(NetworkTester):
    stages = (0, 1, 5)

    def inner_outputs(self, network: nn.Module, image: Tensor) -> dict[str, Tensor]:
        decompositions = network.backbone.decompose(image)
        outputs = {'image': decompositions[-1].image}
        for stage in self.stages:
            outputs |= {
                f'{part}{stage}': value for part, value in decompositions[stage]._asdict().items()
            }
        return outputs


EVERY_STAGE = tuple(f'{part}{k}' for part in ('background', 'target', 'image') for k in (0, 1, 5))


class TestRPCANet(DecompositionTester):
    name = 'rpcanet'
    parameters = {1: 679_896, 3: 679_896}
    fixtures = {
        'rpcanet': Fixture(RPCANET, ('logits',), inner=EVERY_STAGE, tolerance=3e-5),
        'rpcanet_rect': Fixture(RPCANET, ('logits',), inner=('image',), tolerance=3e-5),
    }


class TestRPCANetPlusPlus(DecompositionTester):
    name = 'rpcanet_pp'
    # The original's 2,961,582 hold 46,240 of the first stage's memory that its forward never reads.
    parameters = {1: 2_961_582 - 46_240, 3: 2_961_582 - 46_240}
    fixtures = {
        'rpcanet_pp': Fixture(
            RPCANET_PP, ('logits',), inner=EVERY_STAGE, tolerance=3e-5, slow=True
        ),
        'rpcanet_pp_rect': Fixture(RPCANET_PP, ('logits',), inner=('image',), tolerance=3e-5),
    }


FILTERED = ('filtered3', 'filtered2', 'filtered1', 'filtered0')


class TestHDNet(NetworkTester):
    name = 'hdnet'
    # The original's 3,676,197 hold 11,402 of attention that its forward never applies.
    parameters = {1: 3_664_739, 3: 3_676_197 - 11_402}
    native_sides = True
    fixtures = {
        'hdnet_pal': Fixture(
            HDNET,
            ('output', 'mask0', 'mask1', 'mask2', 'mask3'),
            inner=('encoder0', *FILTERED),
            tolerance=3e-5,
        ),
        'hdnet_pal_rect': Fixture(
            HDNET, ('output', '', '', '', ''), inner=FILTERED, tolerance=3e-5
        ),
    }

    def inner_outputs(self, network: nn.Module, image: Tensor) -> dict[str, Tensor]:
        backbone, head = network.backbone, network.decode_head
        features = backbone(image)
        sides = head.native_side_outputs(head.selected_maps(features))
        sides = [head.resize(side, image.shape[-2:]) for side in sides]
        filtered = head.filtered_details(features.padded[0], sides)
        outputs = {f'filtered{level}': each for level, each in enumerate(filtered)}
        return outputs | {'encoder0': backbone.encoder[0](backbone.entry(image))}

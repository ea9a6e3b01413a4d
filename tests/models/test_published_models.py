"""The infrared models; see model_tester.py for what is checked."""

import torch
from model_tester import (
    CONFIGS,
    Fixture,
    ModelTester,
    build_model,
    fill_deterministically,
)
from torch import Tensor, nn

from mmirstd.conversion.acm import ACM
from mmirstd.conversion.agpcnet import AGPCNET
from mmirstd.conversion.alcnet import ALCNET
from mmirstd.conversion.dnanet import DNANET
from mmirstd.conversion.fc3net import FC3NET
from mmirstd.conversion.hdnet import HDNET
from mmirstd.conversion.isnet import ISNET
from mmirstd.conversion.istdunet import ISTDUNET
from mmirstd.conversion.mshnet import MSHNET
from mmirstd.conversion.rdian import RDIAN, direction_kernels
from mmirstd.conversion.resunet import RESUNET
from mmirstd.conversion.rpcanet import RPCANET, RPCANET_PP
from mmirstd.conversion.sctransnet import SCTRANSNET
from mmirstd.conversion.uiunet import UIUNET
from mmirstd.conversion.unet import UNET
from mmirstd.models.layers.local_contrast import multiscale_local_contrast

UIUNET_OUTPUTS = ('d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6')
BACKBONE = 'model.backbone.'
PYTORCH_PORT = {
    BACKBONE + 'affine_input_norm': True,
    BACKBONE + 'align_corners': False,
    'model.decode_head.align_corners': False,
}
"""What the PyTorch ports of ACM changed."""


class TestDNANet(ModelTester):
    name = 'dnanet'
    parameters = {1: 4_696_568, 3: 4_696_888}
    fixtures = {'dnanet': Fixture(DNANET, ('output4', 'output1', 'output2', 'output3'))}


class TestUIUNet(ModelTester):
    name = 'uiunet'
    parameters = {1: 50_540_309, 3: 50_541_461}
    fixtures = {
        'uiunet': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
        'uiunet_odd': Fixture(UIUNET, UIUNET_OUTPUTS, tolerance=3e-5),
    }


class TestACM(ModelTester):
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


class TestMSHNet(ModelTester):
    name = 'mshnet'
    parameters = {1: 4_065_481, 3: 4_065_513}
    native_sides = True
    fixtures = {'mshnet': Fixture(MSHNET, ('output', 'mask0', 'mask1', 'mask2', 'mask3'))}


class TestFC3Net(ModelTester):
    name = 'fc3net'
    # The original's 7,043,864 hold 147,840 that its forward never reads.
    parameters = {1: 6_895_444, 3: 7_043_864 - 147_840}
    fixtures = {'fc3net': Fixture(FC3NET, ('logits',))}


class TestISNet(ModelTester):
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


class TestSCTransNet(ModelTester):
    name = 'sctransnet'
    # The original's 11,325,939 hold 122,944 that its forward never reads.
    parameters = {1: 11_325_939 - 122_944, 3: 11_203_635}
    fixtures = {
        'sctransnet': Fixture(SCTRANSNET, ('out', 'gt2', 'gt3', 'gt4', 'gt5', 'd0'), tolerance=3e-5)
    }


class TestALCNet(ModelTester):
    name = 'alcnet'
    # The original's 519,889 hold 92,928 that its forward never reads.
    parameters = {1: 519_889 - 92_928, 3: 427_109}
    fixtures = {
        name: Fixture(ALCNET, ('logits',), inner=('fuse23', 'fuse12'))
        for name in ('alcnet_basicirstd', 'alcnet_basicirstd_rect')
    }

    def inner_outputs(self, model: nn.Module, image: Tensor) -> dict[str, Tensor]:
        _, fuse23, fuse12, _ = model.backbone(image)
        return {'fuse23': fuse23, 'fuse12': fuse12}

    def test_local_contrast_is_a_variant_with_the_same_weights(self) -> None:
        variant = build_model(CONFIGS / 'alcnet' / 'alcnet_local_contrast_nudt.py')
        plain = self.build(1).eval()
        fill_deterministically(plain)
        variant.eval().load_state_dict(plain.state_dict())
        # Three strides of the encoder: 13 and 17 pixels are 3 and 4 cells, 2 cells, 1 cell.
        image = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            shallow, middle, deep = variant.backbone.encoder(image)
            maps = variant.backbone(image)
        torch.testing.assert_close(maps[0], multiscale_local_contrast(deep, [1]))
        expected = variant.backbone.decoder(
            [
                multiscale_local_contrast(shallow, [3, 4]),
                multiscale_local_contrast(middle, [2]),
                multiscale_local_contrast(deep, [1]),
            ]
        )
        torch.testing.assert_close(maps[2], expected[-1])


class TestRDIAN(ModelTester):
    name = 'rdian'
    # The original's 216,758 hold 200 of the constant direction kernels.
    parameters = {1: 216_758 - 200, 3: 216_846}
    fixtures = {
        name: Fixture(
            RDIAN,
            ('logits_fixed_directions',),
            amend=lambda state: state | direction_kernels(),
        )
        for name in ('rdian', 'rdian_rect')
    }


class TestISTDUNet(ModelTester):
    name = 'istdunet'
    # The original's 2,761,138 hold 9,265 of a head that its forward never reads.
    parameters = {1: 2_761_138 - 9_265, 3: 2_752_161}
    fixtures = {
        name: Fixture(
            ISTDUNET,
            ('logits',),
            inner=('attention4', 'feature', *(f'down{stage}' for stage in (1, 2, 3, 4))),
        )
        for name in ('istdunet', 'istdunet_rect')
    }

    def inner_outputs(self, model: nn.Module, image: Tensor) -> dict[str, Tensor]:
        outputs = {}
        hooks = [
            stage.register_forward_hook(
                lambda module, args, output, name=f'down{number}': outputs.update({name: output})
            )
            for number, stage in enumerate(model.backbone.encoder, start=1)
        ]
        maps = model.backbone(image)
        for hook in hooks:
            hook.remove()
        return {**outputs, 'attention4': maps[0], 'feature': maps[-1]}


class TestResUNet(ModelTester):
    name = 'resunet'
    parameters = {1: 904_785, 3: 905_105}
    fixtures = {
        name: Fixture(RESUNET, ('logits',))
        for name in ('resunet_basicirstd', 'resunet_basicirstd_rect')
    }


class TestUNet(ModelTester):
    name = 'unet'
    parameters = {1: 34_525_889, 3: 34_527_041}
    fixtures = {
        name: Fixture(UNET, ('logits',)) for name in ('unet_basicirstd', 'unet_basicirstd_rect')
    }


def with_gammas_of_one(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the non-local parts that let errors in them be seen."""
    return {
        name: torch.ones_like(value) if name.endswith('.gamma') else value
        for name, value in state.items()
    }


class TestAGPCNet(ModelTester):
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

    def inner_outputs(self, model: nn.Module, image: Tensor) -> dict[str, Tensor]:
        context, fuse23, fuse12 = model.backbone(image).padded
        return {
            'context': context,
            'context_gamma_one': context,
            'fuse23': fuse23,
            'fuse12': fuse12,
        }


class DecompositionTester(ModelTester):
    stages = (0, 1, 5)

    def inner_outputs(self, model: nn.Module, image: Tensor) -> dict[str, Tensor]:
        decompositions = model.backbone.decompose(image)
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


class TestHDNet(ModelTester):
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

    def inner_outputs(self, model: nn.Module, image: Tensor) -> dict[str, Tensor]:
        backbone, head = model.backbone, model.decode_head
        features = backbone(image)
        sides = head.native_side_outputs(head.select_maps(features))
        sides = [head.resize(side, image.shape[-2:]) for side in sides]
        filtered = head.filter_details(features.padded[0], sides)
        outputs = {f'filtered{level}': each for level, each in enumerate(filtered)}
        return outputs | {'encoder0': backbone.encoder[0](backbone.entry(image))}

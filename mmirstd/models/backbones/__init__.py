"""Registered backbones: encoders, and the infrared models without their heads."""

from mmirstd.models.backbones.acm import ACM
from mmirstd.models.backbones.agpcnet import AGPCNet
from mmirstd.models.backbones.alcnet import ALCNet
from mmirstd.models.backbones.classical import LocalContrast, MaxMedian, TopHat
from mmirstd.models.backbones.dnanet import DNANet
from mmirstd.models.backbones.efficient_sam_vit import EfficientSAMViT
from mmirstd.models.backbones.efficientnet_lite import EfficientNetLite0
from mmirstd.models.backbones.fc3net import FC3Net
from mmirstd.models.backbones.hdnet import HDNet
from mmirstd.models.backbones.isnet import ISNet
from mmirstd.models.backbones.istdunet import ISTDUNet
from mmirstd.models.backbones.light_unet import LightUNet
from mmirstd.models.backbones.mobile_sam_tiny_vit import MobileSAMTinyViT
from mmirstd.models.backbones.mshnet import MSHNet
from mmirstd.models.backbones.query_encoder import QueryEncoder
from mmirstd.models.backbones.rdian import RDIAN
from mmirstd.models.backbones.repvit import RepViT
from mmirstd.models.backbones.resunet import ResUNet
from mmirstd.models.backbones.rpcanet import RPCANet, RPCANetPlusPlus
from mmirstd.models.backbones.sam_vit import SAMViT
from mmirstd.models.backbones.sctransnet import SCTransNet
from mmirstd.models.backbones.semantic_sam_swin import SemanticSAMSwin
from mmirstd.models.backbones.stride_one_resnet import StrideOneResNet
from mmirstd.models.backbones.uiunet import UIUNet
from mmirstd.models.backbones.unet import UNet

__all__ = [
    'ACM',
    'RDIAN',
    'AGPCNet',
    'ALCNet',
    'DNANet',
    'EfficientNetLite0',
    'EfficientSAMViT',
    'FC3Net',
    'HDNet',
    'ISNet',
    'ISTDUNet',
    'LightUNet',
    'LocalContrast',
    'MSHNet',
    'MaxMedian',
    'MobileSAMTinyViT',
    'QueryEncoder',
    'RPCANet',
    'RPCANetPlusPlus',
    'RepViT',
    'ResUNet',
    'SAMViT',
    'SCTransNet',
    'SemanticSAMSwin',
    'StrideOneResNet',
    'TopHat',
    'UIUNet',
    'UNet',
]

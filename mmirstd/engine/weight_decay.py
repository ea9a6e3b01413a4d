"""Weight decay by kind of layer, embeddings included."""

from __future__ import annotations

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmirstd.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class EmbedDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's default constructor plus ``paramwise_cfg.embed_decay_mult``.

    SimIRSTD decays everything but normalisation layers and embeddings (learned queries, tokens
    and positions). MMEngine knows ``norm_decay_mult``; for embeddings it offers only
    ``custom_keys``, which match by substring of a name and so miss a renamed module in silence.
    Here embeddings are recognised by type: the weights of every ``torch.nn.Embedding``.
    ``custom_keys`` still win where they match.
    """

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: int | float | None = None,
    ) -> None:
        """Append one parameter group for each parameter of ``module``, children included."""
        first = len(params)
        super().add_params(params, module, prefix=prefix, is_dcn_module=is_dcn_module)
        multiplier = self.paramwise_cfg.get('embed_decay_mult')
        if multiplier is None or self.base_wd is None or not isinstance(module, nn.Embedding):
            return
        custom_keys = self.paramwise_cfg.get('custom_keys', {})
        if any(key in f'{prefix}.weight' for key in custom_keys):
            return
        for group in params[first:]:
            group['weight_decay'] = self.base_wd * multiplier

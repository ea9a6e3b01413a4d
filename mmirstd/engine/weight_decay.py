"""Weight decay by type of layer, including embeddings."""

from __future__ import annotations

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from mmirstd.registry import OPTIM_WRAPPER_CONSTRUCTORS

_NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class EmbedDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's default constructor plus ``paramwise_cfg.embed_decay_mult``.

    SimIRSTD decays everything except normalisation layers and embeddings (learned queries, tokens
    and positions). MMEngine has ``norm_decay_mult``; for embeddings it only has
    ``custom_keys``, which match a substring of the name and so silently miss a renamed module.
    Here embeddings are recognised by type: the weights of every ``torch.nn.Embedding``.
    A custom key that sets a ``decay_mult`` takes precedence. One that sets only a learning
    rate leaves the decay to these rules and to ``norm_decay_mult``; MMEngine would decay
    everything that such a key matches, including norms.
    """

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: int | float | None = None,
    ) -> None:
        """Append one parameter group for each parameter of ``module`` and its children."""
        first = len(params)
        super().add_params(params, module, prefix=prefix, is_dcn_module=is_dcn_module)
        multiplier = self._multiplier(module)
        if multiplier is None or self.base_wd is None:
            return
        # Embeddings and norms have no children: these groups are their own parameters.
        trained = [name for name, p in module.named_parameters(recurse=False) if p.requires_grad]
        for name, group in zip(trained, params[first:], strict=True):
            if 'decay_mult' not in self._custom(f'{prefix}.{name}'):
                group['weight_decay'] = self.base_wd * multiplier

    def _multiplier(self, module: nn.Module) -> float | None:
        if isinstance(module, nn.Embedding):
            return self.paramwise_cfg.get('embed_decay_mult')
        if isinstance(module, _NORMS):
            return self.paramwise_cfg.get('norm_decay_mult')
        return None

    def _custom(self, name: str) -> dict:
        """Options of a parameter in ``custom_keys``; the longest key wins, as in MMEngine."""
        custom_keys = self.paramwise_cfg.get('custom_keys', {})
        matching = sorted(key for key in custom_keys if key in name)
        return custom_keys[max(matching, key=len)] if matching else {}

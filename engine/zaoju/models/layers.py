"""Going through the layers of a model, with or without what they keep for the way back."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class LayeredBody(nn.Module):
    """What lies below the head: layers that each take the vectors of the one before."""

    recomputes: bool = False
    """Whether a layer keeps nothing but what goes into it, and is computed again for the backward pass (Chen et al.,
    2016, "Training Deep Nets with Sublinear Memory Cost"). The numbers are the same, dropout's too."""

    def through(self, layers: nn.ModuleList, x: torch.Tensor, *given: object) -> torch.Tensor:
        """What the last of `layers` makes of `x` [B, T, width]; each gets all that is `given` too."""
        recomputes = self.recomputes and torch.is_grad_enabled()
        for layer in layers:
            x = checkpoint(layer, x, *given, use_reentrant=False) if recomputes else layer(x, *given)
        return x

"""Muon for the matrices of the blocks, AdamW for the embedding and the norms.

Each of the `world` training processes owns and updates its share of the parameters.
"""

import torch

# Polynomials a x + b x^3 + c x^5 that bring all singular values near 1 ("Polar Express", first four).
POLYNOMIALS = ((8.28721201814563, -23.595886519098837, 17.300387312530933),
               (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
               (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
               (3.3184196573706015, -2.488488024314874, 0.51004894012372))


def orthogonalise(g):
    """g [n, rows, columns]: the nearest matrices with orthonormal rows or columns, in bfloat16."""
    x = g.bfloat16()
    flip = x.shape[1] > x.shape[2]
    if flip:
        x = x.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) * 1.01 + 1e-7)
    for a, b, c in POLYNOMIALS:
        s = x @ x.transpose(1, 2)
        x = a * x + (b * s + c * (s @ s)) @ x
    return (x.transpose(1, 2) if flip else x).float()


class Optimiser:
    def __init__(self, model, rank, world, muon_rate, adam_rate, decay):
        self.muon_rate, self.adam_rate, self.decay = muon_rate, adam_rate, decay
        shapes = {}
        for name, p in model.named_parameters():
            if p.dim() == 2 and name.startswith("blocks") and int(name.split(".")[1]) % world == rank:
                shapes.setdefault(tuple(p.shape), []).append(p)
        self.groups = list(shapes.values())
        self.momentum = [torch.zeros(len(g), *g[0].shape) for g in self.groups]
        self.adam = None
        if rank == world - 1:
            others = [p for n, p in model.named_parameters() if p.dim() == 1 or not n.startswith("blocks")]
            self.adam = torch.optim.AdamW(others, lr=adam_rate, betas=(0.9, 0.98), eps=1e-10, weight_decay=0.0)

    @torch.no_grad()
    def step(self, scale, momentum=0.95):
        """scale: the schedule's factor on both rates."""
        for group, buffer in zip(self.groups, self.momentum):
            g = torch.stack([p.grad for p in group])
            buffer.lerp_(g, 1 - momentum)
            update = orthogonalise(torch.lerp(g, buffer, momentum))
            rate = self.muon_rate * scale
            size = max(1.0, group[0].shape[0] / group[0].shape[1]) ** 0.5
            for p, u in zip(group, update):
                p.mul_(1 - rate * self.decay).add_(u, alpha=-rate * size)
        if self.adam:
            for param in self.adam.param_groups:
                param["lr"] = self.adam_rate * scale
            self.adam.step()

    def state(self):
        return {"momentum": self.momentum, "adam": self.adam.state_dict() if self.adam else None}

    def restore(self, state):
        self.momentum = state["momentum"]
        if self.adam:
            self.adam.load_state_dict(state["adam"])

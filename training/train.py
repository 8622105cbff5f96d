"""Trains spark. `train.py --tokens 30e6` is the recipe; `--deadline 23:30` fits it to a clock.

Every step sees fresh conversations from a seeded stream. The learning rate warms up, holds and
falls linearly to zero, either over the token budget or by the wall clock until the deadline.

Two processes of one thread each share the parameters: each takes half of the rows and updates half
of the matrices. They wait for each other twice a step, where two threads would after every product.
"""

import argparse
import datetime
import json
import multiprocessing
import os
import random
import time
from pathlib import Path

import numpy as np
import torch

import batches
import model as network
from optimiser import Optimiser


def options():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--output", default="/tmp/spark-training", help="checkpoints and log")
    a.add_argument("--tokens", type=float, default=30e6)
    a.add_argument("--deadline", help="HH:MM (local): learning rate reaches zero then")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--muon-rate", type=float, default=0.02)
    a.add_argument("--adam-rate", type=float, default=0.004)
    a.add_argument("--decay", type=float, default=0.05)
    a.add_argument("--hold", type=float, default=0.35, help="share of the run before the rate falls")
    a.add_argument("--save-minutes", type=float, default=4)
    a.add_argument("--config", type=json.loads, default={})
    return a.parse_args()


WORLD = 2


class Run:
    """One of the WORLD processes. `shared` is [gradients of each rank, then (progress, save now)]."""

    def __init__(self, o, rank, model, gradients, notes, barrier):
        self.o, self.rank, self.path = o, rank, Path(o.output)
        self.model, self.gradients, self.notes, self.barrier = model, gradients, notes, barrier
        self.parameters = list(model.parameters())
        self.optimiser = Optimiser(model, rank, WORLD, o.muon_rate, o.adam_rate, o.decay)
        self.stream = batches.Stream(o.seed * WORLD + rank)
        self.shape_random = random.Random(o.seed)
        self.tokens = self.steps = 0
        self.begun = time.time()
        if (self.path / f"last{rank}.pt").exists():
            self.restore(torch.load(self.path / f"last{rank}.pt", weights_only=False))
        if o.deadline:
            hour, minute = map(int, o.deadline.split(":"))
            end = datetime.datetime.now().replace(hour=hour, minute=minute, second=0).timestamp()
            self.end = end if end > time.time() else end + 86400

    def progress(self):
        """From 0 to 1 over the whole run."""
        if self.o.deadline:
            return min(1.0, (time.time() - self.begun) / (self.end - self.begun))
        return min(1.0, self.tokens / self.o.tokens)

    def rate(self, p):
        fall = min(1.0, max(0.01, (1 - p) / (1 - self.o.hold)))
        return min(1.0, (self.steps + 1) / 60) * fall

    def save(self):
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state(), "tokens": self.tokens,
                 "steps": self.steps, "begun": self.begun, "config": self.model.c.__dict__,
                 "stream": self.stream.state(), "shape": self.shape_random.getstate()}
        torch.save(state, self.path / f"next{self.rank}.pt")
        os.replace(self.path / f"next{self.rank}.pt", self.path / f"last{self.rank}.pt")

    def restore(self, state):
        if self.rank == 0:
            self.model.load_state_dict(state["model"])
        self.optimiser.restore(state["optimiser"])
        self.stream.restore(state["stream"])
        self.shape_random.setstate(state["shape"])
        for name in ("tokens", "steps", "begun"):
            setattr(self, name, state[name])

    def log(self, entry):
        if self.rank == 0:
            with open(self.path / "log.jsonl", "a") as file:
                file.write(json.dumps({"time": time.strftime("%H:%M:%S"), **entry}) + "\n")

    def batch(self, p):
        shape = self.shape_random.choices(batches.SHAPES, [s[2] for s in batches.SHAPES])[0]
        prompt_weight = 0.15 if p < 0.33 else 0.0
        induction = 0.4 if self.steps < 150 else 0.1 if self.steps < 400 else 0.0
        return self.stream.batch(shape, WORLD, prompt_weight, induction)

    def step(self, forward, p):
        arrays, places = self.batch(p)
        loss, each = forward(*(torch.from_numpy(a) for a in arrays))
        total = float(arrays[5].sum())
        for parameter in self.parameters:
            parameter.grad = None
        (loss / (total * WORLD)).backward()
        torch.cat([q.grad.flatten() for q in self.parameters], out=self.gradients[self.rank])
        self.barrier.wait()
        self.update(p)
        self.stream.learn(places, arrays[3], each.numpy())
        self.tokens += WORLD * int((arrays[2] >= 0).sum())
        self.steps += 1
        return loss.item() / total

    @torch.no_grad()
    def update(self, p):
        whole = self.gradients.sum(0)
        whole.mul_(min(1.0, 1.0 / (float(whole.norm()) + 1e-6)))
        for parameter, part in zip(self.parameters, whole.split([q.numel() for q in self.parameters])):
            parameter.grad = part.view_as(parameter)
        self.optimiser.step(self.rate(p))

    def agree(self, saved):
        """Rank 0 decides for all: how far the run is, and whether to save now."""
        if self.rank == 0:
            self.notes[0] = self.progress()
            self.notes[1] = float(time.time() - saved > 60 * self.o.save_minutes)
        self.barrier.wait()
        return float(self.notes[0]), bool(self.notes[1])

    def train(self):
        self.log({"steps": self.steps, "tokens": self.tokens, "begun": self.begun})
        forward = torch.compile(self.model, dynamic=False)
        saved = mark = time.time()
        mark_tokens, mean = self.tokens, []
        while True:
            p, save_now = self.agree(saved)
            if p >= 1.0 or save_now:
                self.save()
                saved = time.time()
            if p >= 1.0:
                return
            mean.append(self.step(forward, p))
            if self.steps % 25 == 0:
                now = time.time()
                self.log({"step": self.steps, "tokens": self.tokens, "progress": round(p, 4),
                          "loss": round(float(np.mean(mean)), 4), "tok_s": round((self.tokens - mark_tokens) / (now - mark)),
                          "success": {k: round(v, 2) for k, v in self.stream.success.items()}})
                mark, mark_tokens, mean = now, self.tokens, []


def work(rank, *shared):
    torch.set_num_threads(1)
    Run(shared[0], rank, *shared[1:]).train()


def main():
    o = options()
    Path(o.output).mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    model = network.Spark(network.Config(**o.config))
    model.initialise(o.seed)
    model.share_memory()
    gradients = torch.zeros(WORLD, sum(p.numel() for p in model.parameters())).share_memory_()
    notes = torch.zeros(2, dtype=torch.float64).share_memory_()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(WORLD)
    others = [context.Process(target=work, args=(r, o, model, gradients, notes, barrier), daemon=True)
              for r in range(1, WORLD)]
    for process in others:
        process.start()
    work(0, o, model, gradients, notes, barrier)
    for process in others:
        process.join()


if __name__ == "__main__":
    main()

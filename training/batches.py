"""Rows of packed conversations as arrays; the stream is a function of the seed and the weights."""

import json
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import conversations

TOKENIZER = Path(__file__).parent.parent / "models" / "spark" / "tokenizer.json"
# (row length, rows, share of the steps, most exchanges put before the one that matters)
POOL = 24       # conversations to choose from when a row is filled
PICKED = 2048   # positions with a loss in a step of 4096; prompts fill up what answers leave
SHAPES = ((128, 32, 0.72, 1), (256, 16, 0.20, 3), (512, 8, 0.08, 9))
# How often each kind is made before adapting; verbatim copying is the hard skill.
WEIGHTS = {"greeting": 2, "addition": 14, "subtraction": 20, "capital": 4, "language": 3, "continent": 3,
           "translation": 14, "opposite": 6, "colour": 2, "day": 2, "month": 3, "counting": 9, "json": 9,
           "refusal": 6, "repeating": 10, "recall_name": 5, "recall_number": 4, "recall_fact": 4,
           "recall_place": 6, "weather_call": 5, "weather_answer": 4, "calculator_call": 4,
           "calculator_answer": 3, "no_tool_needed": 3}


class Stream:
    def __init__(self, seed: int):
        self.r = random.Random(seed)
        self.tokenizer = Tokenizer.from_file(str(TOKENIZER))
        self.kinds = tuple(WEIGHTS)
        self.success = {k: 0.0 for k in self.kinds}   # running estimate of P(whole answer right)
        self.cache = {}
        self.pools = {}   # row length: conversations waiting for a place

    def weights(self):
        """A kind that is already right keeps a sixth of its share."""
        return [WEIGHTS[k] * (0.2 + 1.2 * (1 - self.success[k])) for k in self.kinds]

    def encode(self, text):
        ids = self.cache.get(text)
        if ids is None:
            ids = self.tokenizer.encode(text).ids
            if len(text) < 24 and len(self.cache) < 50000:
                self.cache[text] = ids
        return ids

    def conversation(self, most):
        kind = self.r.choices(self.kinds, self.weights())[0]
        talk = conversations.make(self.r, kind, most=most)
        pieces = conversations.render(talk)
        ids, trained = [], []
        for text, counts in pieces:
            part = self.encode(text)
            ids += part
            trained += [counts] * len(part)
        return kind + (":think" if talk.thinking else ""), ids, trained

    def row(self, length, most):
        """The conversation that waited longest, then always the longest that still fits."""
        pool = self.pools.setdefault(length, [])
        while len(pool) < POOL:
            talk = self.conversation(most)
            if len(talk[1]) <= length:
                pool.append(talk)
        packed, free, at = [], length, 0
        while at is not None:
            packed.append(pool.pop(at))
            free -= len(packed[-1][1])
            fitting = [(len(talk[1]), i) for i, talk in enumerate(pool) if len(talk[1]) <= free]
            at = max(fitting)[1] if fitting else None
        return packed

    def induction_row(self, length):
        """A random string of tokens, again and again: teaches to copy before there is anything to say."""
        packed, free = [], length
        while free >= 12:
            n = self.r.randint(3, min(40, free // 2))
            part = [self.r.randrange(7, 2048) for _ in range(n)]
            ids = (part * 4)[: min(free, n * self.r.randint(2, 4))]
            packed.append(("induction", ids, [i >= n for i in range(len(ids))]))
            free -= len(ids)
        return packed

    def batch(self, shape, shares, prompt_weight, induction):
        """One of `shares` equal parts of a step."""
        length, rows, _, most = shape
        rows //= shares
        ids = np.zeros((rows, length), np.int64)
        labels = np.zeros((rows, length), np.int64)
        positions = np.zeros((rows, length), np.int64)
        doc = np.full((rows, length), -1, np.int64)
        weights = np.zeros((rows, length), np.float32)
        places = []
        for row in range(rows):
            at = 0
            talks = self.induction_row(length) if row < induction * rows else self.row(length, most)
            for kind, part, trained in talks:
                n = len(part)
                ids[row, at:at + n] = part
                labels[row, at:at + n - 1] = part[1:]
                positions[row, at:at + n] = range(n)
                doc[row, at:at + n] = len(places)
                weights[row, at:at + n - 1] = [1.0 if t else prompt_weight for t in trained[1:]]
                answer = [i for i in range(1, n) if trained[i]]
                last = next((i for i in range(len(answer) - 1, 0, -1) if answer[i] != answer[i - 1] + 1), 0)
                start = row * length + at
                places.append((kind, start + answer[last] - 1, start + answer[-1]))
                at += n
        picked = self.pick(weights.ravel(), PICKED // shares)
        return (ids, positions, doc, picked, labels.ravel()[picked], weights.ravel()[picked]), places

    def pick(self, weights, count):
        """All answers and a random part of the prompts, always as many (the compiled shape is fixed)."""
        answers, prompts = np.flatnonzero(weights == 1), np.flatnonzero((weights > 0) & (weights < 1))
        dice = np.random.default_rng(self.r.getrandbits(32))
        chosen = np.concatenate((dice.permutation(answers), dice.permutation(prompts)))[:count]
        rest = np.flatnonzero(weights == 0)[:count - len(chosen)]
        return np.sort(np.concatenate((chosen, rest)))

    def learn(self, places, picked, of_picked, memory=0.97):
        """of_picked: the loss of each picked position."""
        losses = np.zeros(4096, np.float32)
        losses[picked] = of_picked
        for kind, begin, end in places:
            if kind in self.success:
                right = float(np.exp(-losses[begin:end].sum()))
                self.success[kind] = memory * self.success[kind] + (1 - memory) * right

    def state(self):
        return json.dumps({"random": self.r.getstate(), "success": self.success, "pools": self.pools})

    def restore(self, text):
        state = json.loads(text)
        version, words, gauss = state["random"]
        self.r.setstate((version, tuple(words), gauss))
        self.success = state["success"]
        self.pools = {int(k): v for k, v in state["pools"].items()}

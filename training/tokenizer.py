"""Trains the byte-level BPE of spark and writes a Hugging Face tokenizer.json.

Digits stand alone and text is split as GPT-2 splits it: what GGUF calls pre-tokenizer "smollm".
During training a space before a capital letter is cut off, so that no merge ever joins the two:
a name has the same tokens at the start of a line, after a space and inside JSON quotes, and
copying it is copying tokens.
"""

import argparse
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import conversations
import facts
import invent
import skills

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
USER_DEFINED = ("<think>", "</think>", "<tool_call>", "</tool_call>")
VOCABULARY = 2048
SEED = 20


def pre_tokenizer(training: bool):
    steps = [pre_tokenizers.Digits(individual_digits=True)]
    if training:
        steps.append(pre_tokenizers.Split(Regex(r" (?=\p{Lu})"), "isolated"))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True))
    return pre_tokenizers.Sequence(steps)


def corpus():
    """Few names, so that most names are several tokens and must be copied piece by piece."""
    r = random.Random(SEED)
    kinds = [k for k in conversations.KINDS if k not in ("repeating", "recall_name", "recall_place")]
    for _ in range(30000):
        for text, _ in conversations.render(conversations.make(r, r.choice(kinds), most=0, thoughts=0.12)):
            for token in CONTROL + USER_DEFINED:
                text = text.replace(token, "\n")
            yield text
    for _ in range(40):
        for words in facts.WORDS.values():
            yield " ".join(words)
        for word in (facts.FOODS + facts.ITEMS + facts.THINGS + facts.HOBBIES + facts.JOBS + facts.EVENTS):
            yield " " + word
        for text in (*skills.REPEAT, *conversations.TELL_NAME, *conversations.ASK_NAME):
            yield text
    for _ in range(6000):
        yield r.choice((invent.person, invent.city))(r) + " " + invent.made_up(r).lower()


def train() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer(training=True)
    special = [AddedToken(t, normalized=False) for t in CONTROL + USER_DEFINED]
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.pre_tokenizer = pre_tokenizer(training=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("output", nargs="?", default="../models/spark/tokenizer.json")
    path = arguments.parse_args().output
    tokenizer = train()
    assert tokenizer.get_vocab_size() == VOCABULARY, tokenizer.get_vocab_size()
    description = json.loads(tokenizer.to_str())
    for added in description["added_tokens"]:   # the trainer marks all of them special
        added["special"] = added["content"] in CONTROL
    Path(path).write_text(json.dumps(description, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()

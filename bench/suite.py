"""What is measured, as data: cells (a model file and what is done with it) in suites."""
import pathlib
from dataclasses import dataclass

PROMPT, GENERATE = 512, 64
DEPTH = 8192
STEPS = (1, 8, 16)  # Sequences at once.
STEP_PROMPT, STEP_GENERATE = 128, 32


@dataclass(frozen=True)
class Cell:
    model: str
    type: str
    what: str = "single"  # single: prefill and decode of one sequence; steps: decode of several; depth: at 8192 tokens.
    tier: str = ""        # Both engines limited to this instruction set.
    layers: int = 0       # 0: as published
    vocab: int = 0

    @property
    def stem(self):
        return "-".join([self.model] + [self.type] * bool(self.type) + ([f"{self.layers}l"] if self.layers else []))

    @property
    def name(self):
        return " ".join([self.stem, self.what] + ([self.tier] if self.tier else []))


BASE = "qwen2.5-1.5b"
TYPES = ("q4_k_m", "q8_0", "q4_0", "q6_k", "bf16", "f16", "f16_from_bf16")
TIERS = ("avx512vnni", "avx2")
SUITES = {
    "quick": [Cell(BASE, "q4_k_m"), Cell(BASE, "q4_k_m", "steps")],
    "formats": [Cell(BASE, kind) for kind in TYPES],
    "steps": [Cell(BASE, "q4_k_m", "steps"), Cell(BASE, "q8_0", "steps")],
    "depth": [Cell(BASE, "q4_k_m", "depth")],
    "tiers": [Cell(BASE, kind, tier=tier) for kind in ("q4_k_m", "q8_0", "bf16") for tier in TIERS],
    "models": [Cell("qwen2.5-0.5b", "q4_k_m"), Cell("lfm2-2.6b", "q4_k_m"), Cell("smollm3-3b", "q4_k_m"),
               Cell("qwen3-30b-a3b", "q4_k_m", layers=2, vocab=32000),
               Cell("lfm2-8b-a1b", "q4_k_m", layers=4, vocab=32000)],
}
SUITES["all"] = list(dict.fromkeys(cell for cells in SUITES.values() for cell in cells))


def cells_of(suite, only=""):
    """The cells of a suite whose name contains `only`; those of one file together."""
    if suite not in SUITES:
        raise SystemExit(f"bench: no suite '{suite}'; there are {', '.join(SUITES)}")
    files = {}
    for cell in SUITES[suite]:
        if only in cell.name:
            files.setdefault(cell.stem, []).append(cell)
    if not files:
        raise SystemExit(f"bench: no cell of suite '{suite}' contains '{only}'")
    return files


def cells_of_file(path):
    """The cells of a file of the user's: as the quick suite has them."""
    name = pathlib.Path(path).name.removesuffix(".gguf")
    return {name: [Cell(name, "", cell.what) for cell in SUITES["quick"]]}

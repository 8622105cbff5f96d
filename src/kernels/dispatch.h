#pragma once
// Which tiers this processor runs, and the choice among them.

#include <span>
#include <string_view>

#include "base/result.h"
#include "kernels/kernels.h"

namespace ingle {

// Complete tables, best first; the portable one is always last.
std::span<const Kernels* const> SupportedKernels();

// Why a tier that the processor's flags promise is not among them; mostly empty.
std::string_view RefusedTier();

// For tests that emulate the tile instructions of a processor without them: the tier "amx" becomes
// one of SupportedKernels (where AVX-512 VNNI is there), though never the best. Before any other
// call.
void EmulateAmx();

// The best tier, or the one that `forced` names (INGLE_FORCE_ISA; empty counts as unset). A name
// that is unknown or that this processor lacks is an error, never another tier.
Result<const Kernels*> SelectKernels(std::string_view forced);

// What SelectKernels gave last, or the best tier: for what is no part of a model.
const Kernels& SelectedKernels();

// Subnormal inputs and results are zero in every kernel (FTZ and DAZ on x86). Each thread that
// calls kernels does this once, the caller of a thread team included.
void EnterKernelThread();

}  // namespace ingle

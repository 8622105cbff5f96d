#pragma once
// The stages that decoder_chain.cc puts in a row.

#include <memory>
#include <string>

#include "text/component_json.h"
#include "text/decoder_chain.h"

namespace ingle {

struct DecodeSettings {
  std::string text, other;  // Prefix, suffix, replacement, pad token, word delimiter, content.
  TextPattern pattern;
  bool flag = false;  // cleanup; for Metaspace: the first mark is dropped.
  size_t start = 0, stop = 0;
};

// fused: the stage stands behind one that joins all tokens.
using MakeStage = std::unique_ptr<DecodeStage> (*)(const DecodeSettings& settings, bool at_start,
                                                   bool fused);

std::unique_ptr<DecodeStage> MakeByteLevelStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeByteFallbackStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeFuseStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeStripStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeReplaceStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeMetaspaceStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeWordPieceStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeBpeStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeCtcStage(const DecodeSettings&, bool, bool);
std::unique_ptr<DecodeStage> MakeBlanksStage(const DecodeSettings&, bool, bool);

// Blanks before punctuation and the like, as BERT's models want them.
std::string CleanUp(std::string_view text);

}  // namespace ingle

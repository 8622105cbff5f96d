#include "text/decoder_chain.h"

#include <algorithm>
#include <utility>

#include "text/component_json.h"
#include "text/decode_stages.h"

namespace ingle {

struct DecoderChain::Stage {
  MakeStage make = nullptr;
  bool fused = false;
  std::unique_ptr<DecodeSettings> settings;  // In place: stages at work point to it.
};

namespace {

constexpr uint64_t kMaxStrip = 1 << 16;

Status ReadReplace(const Component& component, DecodeSettings& settings) {
  INGLE_TRY(settings.pattern, component.Pattern("pattern"));
  INGLE_TRY(settings.text, component.String("content"));
  return {};
}

Status ReadStrip(const Component& component, DecodeSettings& settings) {
  INGLE_TRY(settings.text, component.Character("content"));
  INGLE_TRY(const uint64_t start, component.Unsigned("start"));
  INGLE_TRY(const uint64_t stop, component.Unsigned("stop"));
  if (start > kMaxStrip || stop > kMaxStrip) return component.Wrong("start", "at most 65536");
  settings.start = static_cast<size_t>(start);
  settings.stop = static_cast<size_t>(stop);
  return {};
}

Status ReadMetaspace(const Component& component, DecodeSettings& settings) {
  INGLE_TRY(settings.text, component.Character("replacement"));
  INGLE_TRY(settings.flag, component.Bool("add_prefix_space", true));
  if (component.Find("prepend_scheme") != nullptr) {
    INGLE_TRY(const std::string scheme, component.String("prepend_scheme"));
    settings.flag = scheme != "never";
  }
  return {};
}

Status ReadWordPiece(const Component& component, DecodeSettings& settings) {
  INGLE_TRY(settings.text, component.String("prefix"));
  INGLE_TRY(settings.flag, component.Bool("cleanup"));
  return {};
}

Status ReadBpe(const Component& component, DecodeSettings& settings) {
  INGLE_TRY(settings.text, component.String("suffix"));
  return {};
}

Status ReadCtc(const Component& component, DecodeSettings& settings) {
  INGLE_TRY(settings.text, component.String("pad_token"));
  INGLE_TRY(settings.other, component.String("word_delimiter_token"));
  INGLE_TRY(settings.flag, component.Bool("cleanup"));
  return {};
}

using Kind = ComponentKind<MakeStage, DecodeSettings>;
constexpr Kind kKinds[] = {
    {"ByteLevel", MakeByteLevelStage, ReadNothing},
    {"ByteFallback", MakeByteFallbackStage, ReadNothing},
    {"Fuse", MakeFuseStage, ReadNothing},
    {"Strip", MakeStripStage, ReadStrip},
    {"Replace", MakeReplaceStage, ReadReplace},
    {"Metaspace", MakeMetaspaceStage, ReadMetaspace},
    {"WordPiece", MakeWordPieceStage, ReadWordPiece},
    {"BPEDecoder", MakeBpeStage, ReadBpe},
    {"CTC", MakeCtcStage, ReadCtc},
};

}  // namespace

DecoderChain::DecoderChain() = default;
DecoderChain::~DecoderChain() = default;
DecoderChain::DecoderChain(DecoderChain&&) noexcept = default;
DecoderChain& DecoderChain::operator=(DecoderChain&&) noexcept = default;

Result<DecoderChain> DecoderChain::FromJson(const json::value& value) {
  DecoderChain chain;
  if (value.is_null()) {
    chain.stages_.push_back({MakeBlanksStage, false, std::make_unique<DecodeSettings>()});
    return chain;
  }
  const auto take = [&](const Component& component, const Kind& kind) -> Status {
    const bool fused = std::ranges::any_of(chain.stages_, [](const Stage& stage) {
      return stage.make == MakeFuseStage || stage.make == MakeByteLevelStage;
    });
    auto settings = std::make_unique<DecodeSettings>();
    INGLE_RETURN_IF_ERROR(kind.read(component, *settings));
    chain.spells_bytes_ = chain.spells_bytes_ || kind.action == MakeByteLevelStage;
    chain.falls_back_ = chain.falls_back_ || kind.action == MakeByteFallbackStage;
    chain.stages_.push_back({kind.action, fused, std::move(settings)});
    return {};
  };
  INGLE_RETURN_IF_ERROR(ReadComponents(value, {"decoder", "decoders"}, kKinds, take));
  return chain;
}

DecoderChain DecoderChain::Marked(bool drops_first, bool bytes) {
  DecoderChain chain;
  auto settings = std::make_unique<DecodeSettings>();
  settings->text = "\xE2\x96\x81";
  settings->flag = drops_first;
  chain.stages_.push_back({MakeMetaspaceStage, false, std::move(settings)});
  if (bytes) {
    chain.stages_.push_back({MakeByteFallbackStage, false, std::make_unique<DecodeSettings>()});
    chain.falls_back_ = true;
  }
  return chain;
}

DecoderChain::Stream DecoderChain::Start(bool at_start) const {
  Stream stream;
  for (const Stage& stage : stages_)
    stream.stages_.push_back(stage.make(*stage.settings, at_start, stage.fused));
  return stream;
}

std::string DecoderChain::Stream::Run(DecodeStage::Tokens tokens, size_t from) {
  for (size_t i = from; i < stages_.size() && !tokens.empty(); ++i) {
    DecodeStage::Tokens next;
    for (std::string& token : tokens) stages_[i]->Push(std::move(token), next);
    tokens = std::move(next);
  }
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

std::string DecoderChain::Stream::Push(std::string_view spelling) {
  DecodeStage::Tokens tokens;
  tokens.emplace_back(spelling);
  return Run(std::move(tokens), 0);
}

std::string DecoderChain::Stream::Finish() {
  std::string text;
  for (size_t i = 0; i < stages_.size(); ++i) {
    DecodeStage::Tokens rest;
    stages_[i]->Finish(rest);
    text += Run(std::move(rest), i + 1);
  }
  return text;
}

}  // namespace ingle

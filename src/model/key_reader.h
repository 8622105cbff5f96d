#pragma once
// Reads and checks single hyperparameters; errors name the key as the file has it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "model/architecture.h"

namespace ingle {

std::unexpected<Error> Contradiction(const std::string& key, const std::string& text);
std::unexpected<Error> Unsupported(const std::string& key, const std::string& text);

// The shortest text that reads back as the same number: 1e-05, where std::to_string says 0.000010.
std::string NumberText(double value);

class KeyReader {
 public:
  explicit KeyReader(const Metadata& metadata) : metadata_(metadata) {}

  const Metadata& metadata() const { return metadata_; }
  bool is_hf() const { return metadata_.container == Container::kHuggingFace; }
  std::string Name(Key key) const { return KeyName(metadata_, key); }
  bool Has(Key key) const { return metadata_.Has(Name(key)); }

  // A number from 1 to max; the same for all layers where the file gives one per layer.
  Result<std::optional<uint32_t>> Size(Key key, uint64_t max) const;
  Result<uint32_t> RequiredSize(Key key, uint64_t max) const;
  Result<uint32_t> SizeOr(Key key, uint32_t fallback, uint64_t max) const;
  // A number from 0 to max; absent: 0.
  Result<uint32_t> Count(Key key, uint64_t max) const;
  // One number from min to max per layer, from a scalar or an array of exactly `count`.
  Result<std::vector<uint32_t>> PerLayer(Key key, uint32_t count, uint32_t fallback, uint64_t min,
                                         uint64_t max) const;
  // A number in [min, max]; NaN is in no range.
  Result<std::optional<double>> Real(Key key, double min, double max) const;
  Result<double> RealOr(Key key, double fallback, double min, double max) const;
  Result<bool> TruthOr(Key key, bool fallback) const;
  // Null when absent.
  Result<const std::string*> Text(Key key) const;
  Result<const std::vector<std::string>*> Texts(Key key) const;

 private:
  const Metadata& metadata_;
};

}  // namespace ingle

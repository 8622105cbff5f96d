#pragma once
// Buffers of a pass, and what each thread of it works with.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cache/kv_cache.h"
#include "kernels/bricks.h"
#include "kernels/kernels.h"
#include "model/blocks/pass.h"
#include "model/decoder_weights.h"
#include "model/model.h"
#include "os/memory_region.h"
#include "os/thread_team.h"

namespace ingle {

// What a matrix is fed with: one feed per kind of activation, and some for matrices that want their
// inputs in an order of their own (PackedMatrix::feed).
inline constexpr uint32_t kOrderedFeeds = 3;
inline constexpr uint32_t kFeeds = kActivationKinds + kOrderedFeeds;

// Quantised activations of the pass's tokens, per feed; null where no matrix wants that feed.
using ActivationSet = std::array<std::byte*, kFeeds>;

// Feeds that matrices with the same inputs want.
struct Feeds {
  uint32_t bits = 0;
  std::array<ActivationKind, kFeeds> kinds{};
  std::array<const uint32_t*, kFeeds> orders{};

  Feeds operator|(const Feeds& other) const {
    Feeds both = *this;
    both.bits |= other.bits;
    for (uint32_t feed = 0; feed < kFeeds; ++feed) {
      if ((other.bits >> feed & 1) == 0) continue;
      both.kinds[feed] = other.kinds[feed];
      both.orders[feed] = other.orders[feed];
    }
    return both;
  }
};
inline Feeds FeedOf(const PackedMatrix& matrix) {
  Feeds feeds;
  feeds.bits = 1u << matrix.feed;
  feeds.kinds[matrix.feed] = matrix.activation;
  feeds.orders[matrix.feed] = matrix.input_order;
  return feeds;
}

// So few rows every thread quantises for itself, and where there are several, so few bytes: more
// take longer than a barrier. (Eight rows of int8, 2048 columns wide.)
inline constexpr uint32_t kAlone = 8;
inline constexpr size_t kAloneBytes = kAlone * 8 * sizeof(ActivationQ8x256);

inline size_t BytesPerRow(const Feeds& feeds, uint32_t cols) {
  size_t bytes = 0;
  for (uint32_t feed = 0; feed < kFeeds; ++feed)
    if ((feeds.bits >> feed & 1) != 0) bytes += ActivationBytes(feeds.kinds[feed], cols);
  return bytes;
}

inline constexpr uint32_t kHiddenBlock = 256;  // Whole blocks of every kind of activation.
// Whether `down` is fed with blocks of inputs that are quantised each for itself: not where inputs
// have another order or come in parts.
inline bool QuantisedInBlocks(const PackedMatrix& down) {
  return down.input_order == nullptr && down.activation < kActivationKernels;
}

inline constexpr uint32_t kGatheredTokens = 64;  // Of one expert that go through it together.

// An expert that a token goes to.
struct Route {
  uint32_t expert = 0;
  float weight = 0;
};

// Cosines and sines of each token's position: [tokens][pairs].
struct RotaryRows {
  uint32_t pairs = 0;
  float* cosines = nullptr;
  float* sines = nullptr;
};

struct ThreadBuffers {
  ActivationSet
      activations{};  // Of its own, when there are too few tokens to share the work of making them.
  float* row = nullptr;        // [widest]
  float* ordered = nullptr;    // [widest]: a row in the order of a feed
  float* product = nullptr;    // [kPassTokens][product_rows], twice
  float* head = nullptr;       // [padded head_dim]
  uint32_t* counts = nullptr;  // [rows of attention], and where they begin
  uint32_t* begins = nullptr;
  float* scores = nullptr;        // [experts], twice
  Route* routes = nullptr;        // [experts used]
  uint32_t* sorted = nullptr;     // [kPassTokens * experts used]
  uint32_t* starts = nullptr;     // [experts + 1]
  uint32_t* active = nullptr;     // [experts]
  std::byte* gathered = nullptr;  // [kGatheredTokens] activations
  AttentionState all{}, next{};   // [QueriesPerItem * group] rows
};

class Workspace {
 public:
  static Result<Workspace> Create(const DecoderWeights& weights, uint32_t padded_dim,
                                  uint32_t threads);

  uint32_t product_rows = 0;  // Output rows that one unit of work may have.
  ActivationSet activations{};
  std::byte* hidden_activations = nullptr;  // [tokens], of QuantisedInBlocks
  float* x = nullptr;                       // [tokens][model_dim], the residual stream
  float* queries = nullptr;                 // [kv_head][tokens][group][padded_dim]
  float* attended = nullptr;                // [tokens][heads * head_dim]
  float* hidden = nullptr;     // [tokens][ffn_dim]; [tokens * experts used][their ffn_dim];
                               // [tokens][model_dim] of a convolution
  float* projected = nullptr;  // [tokens][model_dim], before a post norm
  float* normed = nullptr;     // [tokens][model_dim], for the router
  float* scores = nullptr;     // [tokens][experts]
  Route* routes = nullptr;     // [tokens][experts used]
  RotaryRows rope, local_rope;
  std::vector<ThreadBuffers> threads;
  // Per block of kHiddenBlock columns of `hidden`: how many of them are written so far.
  std::unique_ptr<std::atomic<uint32_t>[]> hidden_written;

  // Partial attention: [items][kv_heads], each rows * (2 + padded_dim) floats; counts of finished
  // partials.
  std::vector<float> partials;
  std::unique_ptr<std::atomic<uint32_t>[]> finished;
  size_t finished_size = 0;
  void ReservePartials(size_t count, size_t floats_each);

 private:
  MemoryRegion memory_;
};

// One thread's view of a running pass.
struct PassThread {
  uint32_t index;
  ThreadTeam& team;
  const Kernels& kernels;
  const DecoderWeights& weights;
  KvCache& cache;
  Workspace& workspace;
  const Pass& pass;
  ThreadBuffers& own;
  StepProfile& profile;             // Written by thread 0.
  std::atomic<uint64_t>& progress;  // Written by thread 0, read by anybody.
  bool details;                     // See StepProfile; of thread 0 only.
  std::chrono::steady_clock::time_point mark;
  double inputs_s = 0, waiting_s = 0;  // Since the mark.

  static double SecondsSince(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  // Books the time since the last call under `phase`.
  void Mark(StepPhase phase) {
    if (index != 0) return;
    const auto now = std::chrono::steady_clock::now();
    const auto at = static_cast<size_t>(phase);
    profile.seconds[at] += std::chrono::duration<double>(now - mark).count();
    mark = now;
    if (!details) return;
    profile.inputs_seconds[at] += std::exchange(inputs_s, 0);
    profile.waiting_seconds[at] += std::exchange(waiting_s, 0);
  }

  // Runs work(), which makes inputs of products.
  template <class Work>
  void MakeInputs(const Work& work) {
    if (!details) return work();
    const auto begin = std::chrono::steady_clock::now();
    work();
    inputs_s += SecondsSince(begin);
  }

  // A piece of work is done: a slow machine's step is told from one that stands still.
  void Worked() {
    if (index == 0)
      progress.store(progress.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  void Barrier() {
    if (details) {
      const auto begin = std::chrono::steady_clock::now();
      team.Barrier();
      waiting_s += SecondsSince(begin);
    } else {
      team.Barrier();
    }
    if (index != 0) return;
    ++profile.barriers;
    Worked();
  }
};

// Makes the activations that `feeds` name from rows of `cols` floats: row(i, buffer) returns row i,
// in the buffer or elsewhere. Up to `alone` rows are made by every thread for itself, so that row()
// must not write what others see; more rows, or wide ones, are shared out and end in a barrier.
// Returns where they lie.
template <class Row>
const ActivationSet& MakeActivations(PassThread& thread, uint32_t rows, uint32_t cols,
                                     const Feeds& feeds, const Row& row, uint32_t alone = kAlone) {
  const auto make = [&](const ActivationSet& to, uint32_t i) {
    const float* values = row(i, thread.own.row);
    for (uint32_t feed = 0; feed < kFeeds; ++feed) {
      if ((feeds.bits >> feed & 1) == 0) continue;
      const ActivationKind kind = feeds.kinds[feed];
      const uint32_t* order = feeds.orders[feed];
      if (order != nullptr)
        for (uint32_t j = 0; j < cols; ++j) thread.own.ordered[j] = values[order[j]];
      QuantizeActivations(thread.kernels, kind, order != nullptr ? thread.own.ordered : values,
                          cols, to[feed] + i * ActivationBytes(kind, cols));
    }
  };
  if (rows == 1 || (rows <= alone && rows * BytesPerRow(feeds, cols) <= kAloneBytes)) {
    thread.MakeInputs([&] {
      for (uint32_t i = 0; i < rows; ++i) make(thread.own.activations, i);
    });
    return thread.own.activations;
  }
  thread.MakeInputs([&] {
    thread.team.ForChunks(thread.index, rows, 4, [&](uint64_t begin, uint64_t end) {
      for (uint64_t i = begin; i < end; ++i)
        make(thread.workspace.activations, static_cast<uint32_t>(i));
    });
  });
  thread.Barrier();
  return thread.workspace.activations;
}

// Output rows per unit of work: enough weights to be worth taking, few enough that all threads end
// together. Many tokens take more rows: their activations are read once per unit.
uint32_t RowsPerUnit(const PackedMatrix& matrix, uint32_t tokens, uint32_t most, uint32_t threads);

}  // namespace ingle

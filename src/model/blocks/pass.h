#pragma once
// The plan of one pass: up to kPassTokens tokens of several sequences that go through the layers
// together. Made by one thread before the pass, read by all during it.

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention.h"

namespace ingle {

inline constexpr uint32_t kPassTokens = 512;

// Consecutive tokens of one sequence.
struct Slice {
  uint32_t first = 0, count = 0;    // Tokens of the pass.
  uint32_t position = 0;            // Of the first one in its sequence.
  std::span<const uint32_t> pages;  // Of the sequence, with room for these tokens.
  bool far = false;                 // Rotates by DecoderWeights::far_rope.
};

// Attention of some consecutive queries of a slice to splits [split_begin, split_end), for each
// key-value head.
struct AttentionItem {
  uint32_t slice = 0;
  uint32_t first = 0, queries = 0;  // Relative to the slice.
  uint32_t split_begin = 0, split_end = 0;
  uint32_t partials = 0;       // Items that share the queries; 1: this item sees all their splits.
  uint32_t first_partial = 0;  // Index of the first of them.
};

// The attention of layers with this window (LayerBlueprint::window).
struct AttentionPlan {
  uint32_t window = 0;
  std::vector<AttentionItem> items;
};

struct Pass {
  uint32_t tokens = 0;
  std::vector<int32_t> ids;  // [tokens]
  std::vector<Slice> slices;
  std::vector<uint32_t> slice_of;  // [tokens]
  std::vector<AttentionPlan> plans;
  std::vector<uint32_t> logit_rows;  // Tokens whose logits are wanted.
  float* logits = nullptr;           // [logit_rows, vocab]

  uint32_t Position(uint32_t token) const {
    const Slice& slice = slices[slice_of[token]];
    return slice.position + (token - slice.first);
  }
  uint32_t Page(uint32_t token) const {
    return slices[slice_of[token]].pages[Position(token) / kPageTokens];
  }

  void Clear();
  void Add(std::span<const int32_t> tokens, uint32_t position, std::span<const uint32_t> pages,
           bool far = false);
  // Makes the plan of one window: cuts the attention of all slices into items. group: query heads
  // per key-value head. Where there are few queries, splits of one query go to different threads;
  // that changes who computes them, never how they are merged. Queries of one item begin in the
  // same split.
  void PlanAttention(uint32_t group, uint32_t kv_heads, uint32_t threads, uint32_t window = 0);
  const AttentionPlan& PlanOf(uint32_t window) const;
};

// The first position that a query at `position` sees.
constexpr uint32_t WindowBegin(uint32_t position, uint32_t window) {
  return window == 0 || position < window ? 0 : position + 1 - window;
}

// Queries that one item takes through the splits together.
uint32_t QueriesPerItem(uint32_t group);

}  // namespace ingle

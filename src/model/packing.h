#pragma once
// Matrices on their way from a model's files into the arena that holds them packed.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "files/model_files.h"
#include "model/model.h"
#include "model/weights.h"
#include "os/thread_team.h"
#include "tensor/packed_matrix.h"

namespace ingle {

struct Packing {
  const PlannedTensor* tensor = nullptr;
  PackedMatrix* matrix = nullptr;
  size_t offset = 0, bytes = 0;  // In the arena.
  uint32_t chunks_left = 0;
};

// On all threads, in file order; the files' pages go as they are consumed.
void PackAll(const ModelFiles& files, std::vector<Packing>& packings, ThreadTeam& team,
             std::byte* arena, const std::function<void(LoadProgress)>& on_progress);

// 16 rows of it, as PackAll makes them.
std::vector<std::byte> PackOneTile(const Packing& packing, uint32_t tile);

}  // namespace ingle

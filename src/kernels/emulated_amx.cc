// Linked into tests, on x86-64 only: runs tile instructions in software on processors without them,
// so that the kernels of src/kernels/amx are tested for equality as they stand, instruction by
// instruction. The processor traps on each; the handler decodes it (Intel SDM, volume 2) and does
// what it specifies. Nothing of this is in the program.
#include <cpuid.h>
#include <immintrin.h>
#include <signal.h>
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/dispatch.h"

namespace ingle {
namespace {

struct Tile {
  uint32_t rows = 0, row_bytes = 0;
  alignas(64) uint8_t bytes[16][64];
};
thread_local Tile tiles[8];
thread_local bool configured = false;

// An instruction in its three-byte VEX form, as far as tile instructions use it.
struct Instruction {
  uint8_t prefix;  // 0 none, 1 66, 2 F3, 3 F2
  uint8_t opcode;
  uint8_t reg, rm, vvvv;
  bool memory = false;
  uint64_t address = 0, index = 0;  // Without the index; the scaled index.
  uint32_t length = 0;
};

// ModRM numbers to the order of ucontext.
constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};

[[noreturn]] void Die(const char* why, const uint8_t* at) {
  std::fprintf(stderr, "emulated AMX: %s at %p: %02x %02x %02x %02x %02x %02x\n", why,
               static_cast<const void*>(at), at[0], at[1], at[2], at[3], at[4], at[5]);
  std::abort();
}

uint64_t Register(const ucontext_t& context, uint32_t number) {
  return static_cast<uint64_t>(context.uc_mcontext.gregs[kRegisters[number]]);
}

// Operands in memory: ModRM, SIB and displacement (SDM volume 2, 2.1.5).
const uint8_t* DecodeMemory(const ucontext_t& context, const uint8_t* at, uint8_t modrm,
                            uint32_t base_high, uint32_t index_high, Instruction& out) {
  const uint32_t mod = modrm >> 6;
  uint32_t base = (modrm & 7) + base_high;
  if ((modrm & 7) == 4) {
    const uint8_t sib = *at++;
    base = (sib & 7) + base_high;
    const uint32_t index = (sib >> 3 & 7) + index_high;
    if (index != 4) out.index = Register(context, index) << (sib >> 6);
    if ((sib & 7) == 5 && mod == 0) Die("an address without a base", at);
  } else if ((modrm & 7) == 5 && mod == 0) {
    Die("an address relative to the instruction", at);
  }
  out.memory = true;
  out.address = Register(context, base);
  if (mod == 1) {
    out.address += static_cast<uint64_t>(int64_t{static_cast<int8_t>(*at++)});
  } else if (mod == 2) {
    int32_t displacement;
    std::memcpy(&displacement, at, sizeof(displacement));
    out.address += static_cast<uint64_t>(int64_t{displacement});
    at += sizeof(displacement);
  }
  return at;
}

// Three-byte VEX, map 0F 38 and an opcode that only tile instructions have there.
bool IsOfTiles(const uint8_t* at) {
  return at[0] == 0xc4 && (at[1] & 31) == 2 &&
         (at[3] == 0x49 || at[3] == 0x4b || at[3] == 0x5c || at[3] == 0x5e);
}

Instruction Decode(const ucontext_t& context, const uint8_t* start) {
  const uint8_t* at = start;
  if (!IsOfTiles(at)) Die("an illegal instruction that is none of tiles", at);
  Instruction out = {};
  const uint8_t high = at[1], vex = at[2];
  out.prefix = vex & 3;
  out.vvvv = static_cast<uint8_t>(~vex >> 3 & 15);
  out.opcode = at[3];
  const uint8_t modrm = at[4];
  at += 5;
  out.reg = modrm >> 3 & 7;
  out.rm = modrm & 7;
  if (modrm >> 6 != 3) {
    const uint32_t base_high = high & 0x20 ? 0 : 8, index_high = high & 0x40 ? 0 : 8;
    at = DecodeMemory(context, at, modrm, base_high, index_high, out);
  }
  out.length = static_cast<uint32_t>(at - start);
  return out;
}

void Configure(const uint8_t* from) {
  if (from[0] != 1) Die("a palette that is not 1", from);
  for (uint32_t i = 0; i < 8; ++i) {
    uint16_t row_bytes;
    std::memcpy(&row_bytes, from + 16 + 2 * i, sizeof(row_bytes));
    tiles[i] = {};
    tiles[i].row_bytes = row_bytes;
    tiles[i].rows = from[48 + i];
    if (row_bytes > 64 || row_bytes % 4 != 0 || tiles[i].rows > 16) Die("a tile's size", from);
    if ((row_bytes == 0) != (tiles[i].rows == 0)) Die("a tile of rows or of bytes only", from);
  }
  for (uint32_t i = 2; i < 64; ++i) {
    const bool reserved = i < 16 || (i >= 32 && i < 48) || i >= 56;
    if (reserved && from[i] != 0) Die("a reserved byte that is not zero", from);
  }
  configured = true;
}

void Move(const Instruction& instruction, bool store) {
  Tile& tile = tiles[instruction.reg];
  for (uint32_t row = 0; row < 16; ++row) {
    auto* memory =
        reinterpret_cast<uint8_t*>(instruction.address + uint64_t{row} * instruction.index);
    if (!store) std::memset(tile.bytes[row], 0, 64);
    if (row >= tile.rows) continue;
    if (store) {
      std::memcpy(memory, tile.bytes[row], tile.row_bytes);
    } else {
      std::memcpy(tile.bytes[row], memory, tile.row_bytes);
    }
  }
}

// sums[m][n] += a[m][k] * b[k / step][n][k % step]: what the shapes must agree on.
void CheckShapes(const Tile& sums, const Tile& a, const Tile& b, const uint8_t* at) {
  if (sums.rows != a.rows || sums.row_bytes != b.row_bytes || a.row_bytes != b.rows * 4) {
    Die("tiles whose shapes do not fit", at);
  }
}

void AddInt8(Tile& sums, const Tile& a, const Tile& b) {
  for (uint32_t m = 0; m < sums.rows; ++m) {
    for (uint32_t n = 0; n < sums.row_bytes / 4; ++n) {
      int32_t sum;
      std::memcpy(&sum, &sums.bytes[m][n * 4], 4);
      for (uint32_t k = 0; k < a.row_bytes; ++k) {
        sum +=
            static_cast<int8_t>(a.bytes[m][k]) * static_cast<int8_t>(b.bytes[k / 4][n * 4 + k % 4]);
      }
      std::memcpy(&sums.bytes[m][n * 4], &sum, 4);
    }
  }
}

float FromBf16(const uint8_t* at) {
  const uint32_t bits = uint32_t{at[0]} << 16 | uint32_t{at[1]} << 24;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// Even and odd k in chains of their own from zero; their sum is added to what was there.
void AddBf16(Tile& sums, const Tile& a, const Tile& b) {
  for (uint32_t m = 0; m < sums.rows; ++m) {
    for (uint32_t n = 0; n < sums.row_bytes / 4; ++n) {
      float chains[2] = {0.0f, 0.0f}, sum;
      for (uint32_t k = 0; k < a.row_bytes / 2; ++k) {
        chains[k % 2] = std::fma(FromBf16(&a.bytes[m][k * 2]),
                                 FromBf16(&b.bytes[k / 2][n * 4 + k % 2 * 2]), chains[k % 2]);
      }
      std::memcpy(&sum, &sums.bytes[m][n * 4], 4);
      sum += chains[0] + chains[1];
      std::memcpy(&sums.bytes[m][n * 4], &sum, 4);
    }
  }
}

void Run(const Instruction& i, const uint8_t* at) {
  constexpr uint8_t kF3 = 2, kF2 = 3;
  if (i.opcode == 0x49 && i.prefix == 0 && i.memory) {
    return Configure(reinterpret_cast<const uint8_t*>(i.address + i.index));
  }
  if (!configured) Die("a tile instruction before LDTILECFG", at);
  const bool names_tile = i.opcode != 0x49 || i.prefix != 0;
  if (names_tile && tiles[i.reg].rows == 0) Die("a tile without a shape", at);
  if (i.opcode == 0x49 && i.prefix == 0) {
    configured = false;
  } else if (i.opcode == 0x49 && i.prefix == kF2) {
    std::memset(tiles[i.reg].bytes, 0, sizeof(tiles[i.reg].bytes));
  } else if (i.opcode == 0x4b && i.memory && (i.prefix == kF2 || i.prefix == kF3)) {
    Move(i, i.prefix == kF3);
  } else if ((i.opcode == 0x5e && i.prefix == kF2) || (i.opcode == 0x5c && i.prefix == kF3)) {
    if (i.vvvv > 7) Die("a tile that is not there", at);
    if (i.reg == i.rm || i.rm == i.vvvv || i.reg == i.vvvv) Die("a tile used twice", at);
    CheckShapes(tiles[i.reg], tiles[i.rm], tiles[i.vvvv], at);
    (i.opcode == 0x5e ? AddInt8 : AddBf16)(tiles[i.reg], tiles[i.rm], tiles[i.vvvv]);
  } else {
    Die("an instruction that is not emulated", at);
  }
}

void OnIllegalInstruction(int, siginfo_t*, void* opaque) {
  auto& context = *static_cast<ucontext_t*>(opaque);
  const auto* at = reinterpret_cast<const uint8_t*>(context.uc_mcontext.gregs[REG_RIP]);
  const unsigned state = _mm_getcsr();
  _mm_setcsr(0x9fc0);  // To nearest even; subnormals are zero, whatever the thread has chosen.
  do {                 // Traps are slow: those that follow at once need none.
    const Instruction instruction = Decode(context, at);
    Run(instruction, at);
    at += instruction.length;
  } while (IsOfTiles(at));
  _mm_setcsr(state);
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(at));
}

[[maybe_unused]] const bool installed = [] {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAmxTile = 1u << 24;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxTile)) return false;
  struct sigaction action = {};
  action.sa_sigaction = OnIllegalInstruction;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
  EmulateAmx();
  return true;
}();

}  // namespace
}  // namespace ingle

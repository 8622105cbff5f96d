// The cases MF-01 to MF-10, MF-12 and MF-20 of the catalogue of hostile model files.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <random>

#include "files/gguf.h"
#include "files/test_gguf.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(INGLE_COVERAGE)
#define INGLE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INGLE_SANITIZED 1
#endif
#endif
#ifndef INGLE_SANITIZED
#define INGLE_SANITIZED 0
#endif

namespace ingle {
namespace {

constexpr uint64_t kMany = std::numeric_limits<uint64_t>::max();

Result<GgufHeader> Inspect(const std::string& bytes) {
  return InspectGguf(std::as_bytes(std::span(bytes)));
}

double MillisecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

// Processor time of this thread: what other programs do at the same time does not count. But they
// take its caches, so the shortest of up to three tries, until one is below the limit.
double CpuMilliseconds(double limit_ms, const std::function<void()>& work) {
  const auto now = [] {
    timespec time;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
  };
  double shortest = std::numeric_limits<double>::max();
  for (int i = 0; i < 3 && shortest >= limit_ms; ++i) {
    const double begin = now();
    work();
    shortest = std::min(shortest, now() - begin);
  }
  return shortest;
}

// Waiting counts; the shortest of three tries, because a busy machine makes any one long.
double WallMilliseconds(const std::function<void()>& work) {
  double shortest = std::numeric_limits<double>::max();
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    shortest = std::min(shortest, MillisecondsSince(begin));
  }
  return shortest;
}

TestGguf Base() { return TestGguf().String("general.architecture", "llama"); }

// Expects a refusal with the given words from memory and, with the same words, from a file.
void ExpectRefused(const std::string& bytes, std::string_view words) {
  const auto header = Inspect(bytes);
  ASSERT_FALSE(header) << "accepted; expected: " << words;
  EXPECT_EQ(header.error().code, ErrorCode::kCorruptFile);
  EXPECT_EQ(header.error().id, "invalid_model_file");
  EXPECT_NE(header.error().message.find(words), std::string::npos) << header.error().message;
  const TestFile file(bytes);
  const auto opened = OpenGguf(file.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, file.path() + ": " + header.error().message);
}

// Runs `work` in a process of its own with RLIMIT_AS = what it has + file + 512 MiB. Returns by how
// many KiB its peak memory grew, or -1 when it died or `work` returned false.
int64_t PeakGrowthKib(uint64_t file_bytes, const std::function<bool()>& work) {
  const TestFile plain("GGUF");
  int channel[2];
  if (::pipe(channel) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!INGLE_SANITIZED) {
      const rlim_t space = file_bytes + (rlim_t{512} << 20);
      const rlimit limit{space, space};
      if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(3);
    }
    // The reader's own code comes into memory first; only what the file makes it take is counted.
    if (OpenGguf(plain.path())) ::_exit(5);
    rusage before, after;
    ::getrusage(RUSAGE_SELF, &before);
    const bool fine = work();
    ::getrusage(RUSAGE_SELF, &after);
    const int64_t growth = fine ? after.ru_maxrss - before.ru_maxrss : -1;
    const ssize_t written = ::write(channel[1], &growth, sizeof(growth));
    ::_exit(written == sizeof(growth) ? 0 : 4);
  }
  int64_t growth = -1;
  ::close(channel[1]);
  if (::read(channel[0], &growth, sizeof(growth)) != sizeof(growth)) growth = -1;
  ::close(channel[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? growth : -1;
}

// Expects a refusal within the limits of memory; growth_max_kib is not checked under sanitizers,
// whose own tables grow.
void ExpectRefusedCheaply(const std::string& bytes, int64_t growth_max_kib) {
  const TestFile file(bytes);
  const int64_t growth = PeakGrowthKib(bytes.size(), [&] { return !OpenGguf(file.path()); });
  ASSERT_GE(growth, 0) << "died or accepted";
  if (!INGLE_SANITIZED) {
    EXPECT_LE(growth, growth_max_kib);
  }
}

TEST(HostileGguf, Version2AndOthers) {
  TestGguf file = EveryKindOfValue();
  file.version = 2;
  EXPECT_TRUE(Inspect(file.Bytes()));
  file.version = 1;
  ExpectRefused(file.Bytes(), "version 1");
  file.version = 4;
  ExpectRefused(file.Bytes(), "version 4");
  file.version = 0x03000000;
  ExpectRefused(file.Bytes(), "big-endian");
  std::string bytes = EveryKindOfValue().Bytes();
  bytes[0] = '\x1b';
  ExpectRefused(bytes, "\\x1bGUF");
}

TEST(HostileGguf, MF01EveryCutIsRefusedWithItsOffset) {
  TestGguf file = EveryKindOfValue();
  for (int i = 0; i < 400; ++i) file.U32("filler." + std::to_string(i), 1);
  file.Tensor("large", {4096, 2});
  const std::string bytes = file.Bytes();
  std::vector<size_t> cuts;
  for (size_t i = 0; i <= 4096; ++i) cuts.push_back(i);
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) cuts.push_back(random() % bytes.size());
  for (const size_t cut : cuts) {
    Result<GgufHeader> header;
    const std::string part = bytes.substr(0, cut);
    EXPECT_LT(CpuMilliseconds(50, [&] { header = Inspect(part); }), 50);
    ASSERT_FALSE(header) << cut;
    EXPECT_EQ(header.error().id, "invalid_model_file");
    EXPECT_NE(header.error().message.find("byte "), std::string::npos) << header.error().message;
  }
}

TEST(HostileGguf, MF02HugeCounts) {
  for (const uint64_t count : {uint64_t{0xffffffff}, kMany >> 1, kMany, uint64_t{65537}}) {
    ExpectRefused(Base().Header(0, count), "keys");
    ExpectRefusedCheaply(Base().Header(0, count), 1024);
    ExpectRefused(Base().Header(count, 1), "tensors");
    ExpectRefusedCheaply(Base().Header(count, 1), 1024);
  }
}

TEST(HostileGguf, MF03Alignment) {
  const std::string key = "general.alignment";
  for (const uint32_t alignment : {0u, 1u, 3u, 4u, 33u, 1u << 21, 1u << 31}) {
    ExpectRefused(Base().U32(key, alignment).Bytes(),
                  "'general.alignment' is " + std::to_string(alignment));
  }
  ExpectRefused(Base().I32(key, 32).Tensor("a", {4}).Bytes().substr(0, 160), "'general.alignment'");
  ExpectRefused(Base().String(key, "32").Bytes(), "'general.alignment'");
  ExpectRefused(Base().U32s(key, {32, 32}).Bytes(), "'general.alignment'");
  ExpectRefused(Base().U32(key, 32).Again(key, 4, TestGguf::Le(32)).Bytes(), "appears twice");
  TestGguf wide = Base().U32(key, 4096);
  wide.alignment = 4096;
  EXPECT_TRUE(Inspect(wide.Tensor("a", {4}).Tensor("b", {4}).Bytes()));
}

TEST(HostileGguf, MF04ZeroDimensionInEachPosition) {
  for (size_t position = 0; position < 4; ++position) {
    std::vector<uint64_t> dims(4, 2);
    dims[position] = 0;
    ExpectRefused(Base().TensorAt("a", dims, 0, 0).Data(64).Bytes(),
                  "size 0 in dimension " + std::to_string(position));
  }
  ExpectRefused(Base().TensorAt("a", {}, 0, 0).Data(64).Bytes(), "0 dimensions");
  ExpectRefused(Base().TensorAt("a", {1, 1, 1, 1, 1}, 0, 0).Data(64).Bytes(), "5 dimensions");
}

TEST(HostileGguf, MF05SizesThatWrap) {
  ExpectRefused(Base().TensorAt("a", {kMany / 4}, 0, 0).TensorAt("b", {4}, 0, 0).Data(32).Bytes(),
                "size overflow");
  for (uint32_t number = 0; number < 40; ++number) {
    const auto type = FindDType(number);
    if (!type) continue;
    const uint64_t block = type->block_weights;
    const uint64_t rows = kMany / block * block;  // Bytes wrap.
    // The product wraps just so.
    const uint64_t near =
        (kMany / type->block_bytes - block) / block * block + block;  // The product wraps just so.
    ExpectRefused(Base().TensorAt("a", {rows}, number, 0).Data(64).Bytes(), "size overflow");
    ExpectRefused(Base().TensorAt("a", {near, block, 1u << 10}, number, 0).Data(64).Bytes(),
                  "size overflow");
    ExpectRefused(Base()
                      .TensorAt("a", {block, uint64_t{1} << 32, uint64_t{1} << 32}, number, 0)
                      .Data(64)
                      .Bytes(),
                  "size overflow");
    ExpectRefused(
        Base().TensorAt("a", {block, 1, 1, uint64_t{1} << 63}, number, 0).Data(64).Bytes(),
        "size overflow");
  }
}

TEST(HostileGguf, MF06LongStringsAndArrays) {
  const std::string huge = TestGguf::Le(kMany);
  ExpectRefused(Base().Raw("x", 8, huge).Bytes(), "18446744073709551615 bytes long");
  for (uint32_t kind = 0; kind < 13; ++kind) {
    ExpectRefused(Base().Raw("x", 9, TestGguf::Le(kind) + huge).Bytes(),
                  kind == 9 ? "array of arrays" : "array of 184467");
  }
  const uint64_t over = (16u << 20) + 1;
  ExpectRefused(Base().String("x", std::string(over, 'a')).Bytes(), "the limit is 16777216");
  ExpectRefused(
      Base().Raw("x", 9, TestGguf::Le(0) + TestGguf::Le(over) + std::string(over, '\0')).Bytes(),
      "the limit is 16777216");
  std::string nested = TestGguf::Le(4) + TestGguf::Le<uint64_t>(1) + TestGguf::Le(1);
  for (int i = 0; i < 1000; ++i) nested = TestGguf::Le(9) + TestGguf::Le<uint64_t>(1) + nested;
  ExpectRefused(Base().Raw("x", 9, nested).Bytes(), "array of arrays");
  ExpectRefused(Base().Raw("x", 13, nested).Bytes(), "type 13");
  ExpectRefused(Base().Raw("x", 9, TestGguf::Le(13) + huge).Bytes(), "array of type 13");
  ExpectRefused(Base().Raw("x", 7, TestGguf::Le<uint8_t>(2)).Bytes(), "only 0 and 1");
}

// Values that are larger in memory than in the file add up to no more than the limit.
TEST(HostileGguf, MF06MemoryOfMetadataIsBounded) {
  TestGguf file = Base();
  const uint64_t count = 12u << 20;
  for (int i = 0; i < 4; ++i) {
    file.Raw("bytes." + std::to_string(i), 9,
             TestGguf::Le(0) + TestGguf::Le(count) + std::string(count, '\1'));
  }
  ExpectRefused(file.Bytes(), "bytes of memory");
  ExpectRefusedCheaply(file.Bytes(), 300 << 10);
  TestGguf strings = Base();
  strings.Raw("s", 9, TestGguf::Le(8) + TestGguf::Le(count) + std::string(count * 8, '\0'));
  ExpectRefused(strings.Bytes(), "bytes of memory");
  ExpectRefusedCheaply(strings.Bytes(), 1024);
}

TEST(HostileGguf, MF07UnknownTypes) {
  for (const uint32_t type : {0xffffffffu, 4u, 5u, 31u, 40u, 0x7fffffffu, 255u, 256u}) {
    ExpectRefused(Base().TensorAt("a", {32}, type, 0).Data(64).Bytes(),
                  "type number " + std::to_string(type));
  }
  ExpectRefused(Base().TensorAt("a", {33}, 8, 0).Data(64).Bytes(), "blocks of 32");
}

TEST(HostileGguf, MF08ManyKeys) {
  constexpr int kKeys = 65535;
  std::string plain =
      "GGUF" + TestGguf::Le(3u) + TestGguf::Le<uint64_t>(0) + TestGguf::Le<uint64_t>(kKeys);
  std::string alike = plain;
  for (int i = 0; i < kKeys; ++i) {
    const std::string value = TestGguf::Le(4) + TestGguf::Le(1);
    plain += TestGguf::Text("key." + std::to_string(i * 7919 % kKeys)) + value;
    // Long common prefixes are the worst case of an ordered map; it hashes nothing that could
    // collide.
    alike += TestGguf::Text(std::string(100, 'k') + std::to_string(i)) + value;
  }
  constexpr double kLimitMs = INGLE_SANITIZED ? 2000 : 200;
  for (const std::string& bytes : {plain, alike}) {
    Result<GgufHeader> header;
    const double time_ms = CpuMilliseconds(kLimitMs, [&] { header = Inspect(bytes); });
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->metadata.values.size(), static_cast<size_t>(kKeys));
    EXPECT_LT(time_ms, kLimitMs);
  }
  TestGguf tensors = Base();
  for (uint32_t i = 0; i < 60000; ++i) tensors.TensorAt("t" + std::to_string(i), {8}, 0, 32 * i);
  const std::string bytes = tensors.Data(60000 * 32).Bytes();
  Result<GgufHeader> header;
  EXPECT_LT(CpuMilliseconds(kLimitMs, [&] { header = Inspect(bytes); }), kLimitMs);
  EXPECT_TRUE(header);
}

TEST(HostileGguf, MF09Ranges) {
  ExpectRefused(Base().TensorAt("a", {1000000}, 0, 0).Data(32).Bytes(), "past the end of the file");
  ExpectRefused(Base().TensorAt("a", {9}, 0, 0).Data(32).Bytes(), "past the end of the file");
  ExpectRefused(Base().TensorAt("a", {8}, 0, 32).Data(32).Bytes(), "past the end of the file");
  ExpectRefused(Base().TensorAt("a", {8}, 0, 0).TensorAt("b", {8}, 0, 0).Data(64).Bytes(),
                "overlap");
  ExpectRefused(Base().TensorAt("a", {16}, 0, 0).TensorAt("b", {8}, 0, 32).Data(64).Bytes(),
                "overlap");
  ExpectRefused(Base().TensorAt("a", {8}, 0, 16).Data(64).Bytes(), "no multiple of the alignment");
  ExpectRefused(Base().TensorAt("a", {8}, 0, kMany - 31).Data(64).Bytes(),
                "past the end of the file");
  ExpectRefused(Base().Tensor("a", {8}).Tensor("a", {8}).Bytes(), "'a' appears twice");
  EXPECT_TRUE(Inspect(Base().TensorAt("b", {8}, 0, 32).TensorAt("a", {8}, 0, 0).Data(64).Bytes()));
}

TEST(HostileGguf, MF10Names) {
  using namespace std::string_literals;
  const std::string key_names[] = {
      "gen\0eral"s,   "a\nb",     "\x1b[31mred",      "\xff\xfe",  "caf\xc3",
      "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xc2\x9bm", "",
      "del\x7f"};
  for (const std::string& name : key_names) {
    ExpectRefused(Base().U32(name, 1).Bytes(), "is named '");
    ExpectRefused(Base().Tensor(name, {8}).Bytes(), "is named '");
    const auto header = Inspect(Base().U32(name, 1).Bytes());
    for (const char c : header.error().message)
      EXPECT_GE(static_cast<unsigned char>(c), 0x20) << name;
  }
  ExpectRefused(Base().U32(std::string(65536, 'k'), 1).Bytes(), "65536 bytes long");
  ExpectRefused(Base().Tensor(std::string(256, 'k'), {8}).Bytes(), "256 bytes long");
  // Long names are kept whole.
  const std::string long_key(65535, 'k'), long_name(255, 'n');
  const auto header = Inspect(Base().U32(long_key, 1).Tensor(long_name, {8}).Bytes());
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->metadata.Has(long_key));
  EXPECT_EQ(header->tensors[0].name, long_name);
  ExpectRefused(Base().String("x", "\xff\xfe").Bytes(), "not UTF-8");
  ExpectRefused(Base().Strings("x", {"fine", "\xe2\x82"}).Bytes(), "not UTF-8");
  const auto escape = Inspect(
      Base().String("x", "\x1b[31m").Bytes());  // A value is text, shown by whoever shows it.
  EXPECT_TRUE(escape);
}

TEST(HostileGguf, MF12SmallFileDeclaringTerabytes) {
  TestGguf file = Base();
  for (uint32_t i = 0; i < 64; ++i)
    file.TensorAt("t" + std::to_string(i), {1u << 20, 1u << 13}, 0, uint64_t{i} << 35);
  const std::string bytes = file.Bytes();
  ASSERT_LT(bytes.size(), 4097u);
  ExpectRefused(bytes, "past the end of the file");
  ExpectRefusedCheaply(bytes, 1024);
}

TEST(HostileGguf, MF20NotARegularFile) {
  const TestFile name("");  // A unique name for what is made here.
  const std::string base = name.path();
  const std::string fifo = base + ".fifo", link = base + ".link", loop = base + ".loop",
                    socket_path = base + ".socket";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(::symlink((base + ".nothing").c_str(), link.c_str()), 0);
  ASSERT_EQ(::symlink(loop.c_str(), loop.c_str()), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  for (const std::string& path :
       {fifo, link, loop, socket_path, std::string("/dev/zero"), std::string("/tmp")}) {
    Result<GgufFile> opened;
    EXPECT_LT(WallMilliseconds([&] { opened = OpenGguf(path); }), 100) << path;
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().id, "not_a_regular_file") << opened.error().message;
  }
  for (const std::string& path : {fifo, link, loop, socket_path}) ::unlink(path.c_str());
  ::close(listener);
  EXPECT_EQ(OpenGguf(base + ".nothing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(OpenGguf(std::string("/tmp/a\0b", 8)).error().code, ErrorCode::kNotFound);
  ExpectRefused("", "ends too early");
}

}  // namespace
}  // namespace ingle

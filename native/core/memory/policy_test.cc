#include "core/memory/policy.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "core/memory/pages.h"

namespace moirai {
namespace {

unsigned FirstNode(const NodeSet& nodes) {
  unsigned node = 0;
  while (node < NodeSet::kCapacity && !nodes.Contains(node)) node++;
  return node;
}

// A mapping of its own, so that its line of numa_maps is its own too.
class Mapping {
 public:
  explicit Mapping(std::size_t pages) : bytes_(pages * PageSize()) {
    start_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  ~Mapping() { munmap(start_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void* start() const { return start_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
  void* start_;
};

// The second word of the mapping's line in /proc/self/numa_maps: the kernel's own name of its
// policy.
std::string NamedPolicy(const void* start) {
  std::ostringstream address;
  address << std::hex << reinterpret_cast<uintptr_t>(start);
  std::ifstream maps("/proc/self/numa_maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string at;
    std::string policy;
    words >> at >> policy;
    if (at == address.str()) return policy;
  }
  return "";
}

// Every test leaves the policy of its thread as it was. Kernels without NUMA have nothing to test.
class PolicyTest : public testing::Test {
 protected:
  void SetUp() override {
    const int error = GetThreadPolicy(&initial_);
    if (error != 0) GTEST_SKIP() << "no memory policies here: errno " << error;
    ASSERT_EQ(GetAllowedNodes(&allowed_), 0);
    node_ = FirstNode(allowed_);
    ASSERT_LT(node_, NodeSet::kCapacity);
    one_.Add(node_);
  }
  void TearDown() override { EXPECT_EQ(SetThreadPolicy(initial_), 0); }

  Policy initial_;
  NodeSet allowed_;
  NodeSet one_;
  unsigned node_ = 0;
};

TEST(NodeSetTest, IgnoresNodesThatNoKernelHas) {
  NodeSet nodes;
  nodes.Add(NodeSet::kCapacity);
  EXPECT_TRUE(nodes.Empty());
  nodes.Add(NodeSet::kCapacity - 1);
  EXPECT_TRUE(nodes.Contains(NodeSet::kCapacity - 1));
}

TEST_F(PolicyTest, EveryModeOfAThreadReadsBackAsSet) {
  for (const PolicyMode mode : {PolicyMode::kBind, PolicyMode::kPreferred, PolicyMode::kInterleave,
                                PolicyMode::kPreferredMany, PolicyMode::kWeightedInterleave}) {
    const int error = SetThreadPolicy({mode, one_});
    if (error == EINVAL && mode >= PolicyMode::kPreferredMany) continue;  // An older kernel.
    ASSERT_EQ(error, 0) << static_cast<int>(mode);
    Policy now;
    ASSERT_EQ(GetThreadPolicy(&now), 0);
    EXPECT_EQ(now.mode, mode);
    EXPECT_TRUE(now.nodes.Contains(node_));
    EXPECT_EQ(FirstNode(now.nodes), node_);
  }
  for (const PolicyMode mode : {PolicyMode::kLocal, PolicyMode::kDefault}) {
    ASSERT_EQ(SetThreadPolicy({mode, {}}), 0);
    Policy now;
    ASSERT_EQ(GetThreadPolicy(&now), 0);
    EXPECT_EQ(now.mode, mode);
    EXPECT_TRUE(now.nodes.Empty());
  }
}

TEST_F(PolicyTest, AThreadInheritsThePolicyOfItsCreator) {
  ASSERT_EQ(SetThreadPolicy({PolicyMode::kBind, one_}), 0);
  Policy inherited;
  std::thread([&inherited] { EXPECT_EQ(GetThreadPolicy(&inherited), 0); }).join();
  EXPECT_EQ(inherited.mode, PolicyMode::kBind);
  EXPECT_TRUE(inherited.nodes.Contains(node_));
}

TEST_F(PolicyTest, TheHighestNodeNumberIsReadByTheKernel) {
  NodeSet last;
  last.Add(NodeSet::kCapacity - 1);
  // Were the last bit cut off, the mask would be empty and PREFERRED would take that for LOCAL.
  if (!allowed_.Contains(NodeSet::kCapacity - 1)) {
    EXPECT_EQ(SetThreadPolicy({PolicyMode::kPreferred, last}), EINVAL);
  }
}

TEST_F(PolicyTest, TheKernelNamesTheRangesPolicyAsAsked) {
  const Mapping mapping(4);
  const std::string node = std::to_string(node_);
  ASSERT_EQ(BindRange(mapping.start(), mapping.bytes(), {PolicyMode::kBind, one_}, 0), 0);
  EXPECT_EQ(NamedPolicy(mapping.start()), "bind:" + node);
  Policy now;
  ASSERT_EQ(GetRangePolicy(mapping.start(), &now), 0);
  EXPECT_EQ(now.mode, PolicyMode::kBind);
  EXPECT_TRUE(now.nodes.Contains(node_));
  ASSERT_EQ(BindRange(mapping.start(), mapping.bytes(), {PolicyMode::kInterleave, one_}, 0), 0);
  EXPECT_EQ(NamedPolicy(mapping.start()), "interleave:" + node);
  ASSERT_EQ(BindRange(mapping.start(), mapping.bytes(), {PolicyMode::kDefault, {}}, 0), 0);
  ASSERT_EQ(GetRangePolicy(mapping.start(), &now), 0);
  EXPECT_EQ(now.mode, PolicyMode::kDefault);
}

TEST_F(PolicyTest, NodesThatAreNotThereAreRefused) {
  const Mapping mapping(1);
  NodeSet none;
  for (unsigned node = 0; node < NodeSet::kCapacity; node++) {
    if (!allowed_.Contains(node)) none.Add(node);
  }
  EXPECT_EQ(BindRange(mapping.start(), mapping.bytes(), {PolicyMode::kBind, none}, 0), EINVAL);
  EXPECT_EQ(BindRange(mapping.start(), mapping.bytes(), {PolicyMode::kBind, {}}, 0), EINVAL);
}

}  // namespace
}  // namespace moirai

#include "core/base/error_codes.h"

#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <string_view>

namespace moirai {
namespace {

TEST(ErrorCodes, EachCodeHasItsOwnName) {
  const std::set<std::string_view> names(std::begin(kErrorCodeNames), std::end(kErrorCodeNames));
  EXPECT_EQ(names.size(), std::size(kErrorCodeNames));
}

TEST(ErrorCodes, NameStandsAtTheCodesNumber) {
  EXPECT_STREQ(kErrorCodeNames[static_cast<size_t>(ErrorCode::kCancelled)], "ERR_MOIRAI_CANCELLED");
  EXPECT_STREQ(kErrorCodeNames[static_cast<size_t>(ErrorCode::kCorrupt)], "ERR_MOIRAI_CORRUPT");
  constexpr size_t kLast = std::size(kErrorCodeNames) - 1;
  EXPECT_STREQ(kErrorCodeNames[static_cast<size_t>(ErrorCode::kTickFailed)],
               kErrorCodeNames[kLast]);
}

}  // namespace
}  // namespace moirai

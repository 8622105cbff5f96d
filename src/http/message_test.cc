#include "http/message.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

std::string StatusOf(std::string_view head) {
  auto checked = CheckHead(head, {});
  return checked ? "fine" : checked.error().id;
}

TEST(Head, WhatTwoParsersCouldReadDifferentlyIsRefused) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "fine");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\nHost: a\r\n\r\n"), "400");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), "400");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), "400");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), "400");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nno colon\r\n\r\n"), "400");
  EXPECT_EQ(StatusOf(std::string_view("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 27)), "400");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), "400");
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), "400");
  EXPECT_EQ(
      StatusOf("GET / HTTP/1.1\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
      "400");
}

TEST(Head, Limits) {
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 64; ++i) many += "H" + std::to_string(i) + ": x\r\n";
  EXPECT_EQ(StatusOf(many + "\r\n"), "fine");
  EXPECT_EQ(StatusOf(many + "More: x\r\n\r\n"), "431");
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nA: " + std::string(17 << 10, 'x') + "\r\n\r\n"), "431");
  EXPECT_EQ(StatusOf("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n"), "414");
}

TEST(Head, OnlyTheChunkedCodingIsRead) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ";
  EXPECT_EQ(StatusOf(post + "Chunked\r\n\r\n"), "fine");
  for (const char* coding : {"gzip", "chunked, identity", "gzip, chunked", "xchunked", ""})
    EXPECT_EQ(StatusOf(post + coding + "\r\n\r\n"), "400") << coding;
  EXPECT_EQ(StatusOf(post + "chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), "400");
}

std::string PathOf(std::string_view target) {
  HttpRequest request;
  auto status = SetTarget(target, request);
  if (!status) return "refused";
  std::string out = request.path;
  for (const std::string& segment : request.segments) out += "|" + segment;
  return out;
}

TEST(Target, OneNormalForm) {
  EXPECT_EQ(PathOf("/v1/models"), "/v1/models|v1|models");
  EXPECT_EQ(PathOf("//v1//models/"), "/v1/models|v1|models");
  EXPECT_EQ(PathOf("/v1/models/org%2Fname:tag"),
            "/v1/models/org%2Fname:tag|v1|models|org/name:tag");
  EXPECT_EQ(PathOf("/a?b=/../c"), "/a|a");
  EXPECT_EQ(PathOf("/"), "/");
  EXPECT_EQ(PathOf("/%c3%a9"), "/%c3%a9|\xc3\xa9");
  for (const char* bad : {"/v1/models/%ff%fe", "/%c3", "/\xff", "/%ed%a0%80", "/v1/%2e%2e/admin",
                          "/../etc", "/.", "/a%00b", "/a%0", "/a%zz", "http://x/", "x", "/a#b"})
    EXPECT_EQ(PathOf(bad), "refused") << bad;
  EXPECT_EQ(PathOf(std::string_view("/a\0b", 4)), "refused");
  EXPECT_EQ(PathOf("/a%0ab"), "refused");
}

}  // namespace
}  // namespace ingle

# Cross builds hold the kernels and what they stand on, with GoogleTest and Boost.JSON from their sources: Debian has
# libraries for other processors only as packages of a second architecture.
set(folders base formats os kernels tensor)
set(tests tests/kernels)

find_path(INGLE_BOOST_HEADERS boost/json/src.hpp PATHS /usr/include NO_CMAKE_FIND_ROOT_PATH REQUIRED)
# Boost alone: the C library's headers beside it are this machine's.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/boost)
file(CREATE_LINK ${INGLE_BOOST_HEADERS}/boost ${CMAKE_BINARY_DIR}/boost/boost SYMBOLIC)
file(WRITE ${CMAKE_BINARY_DIR}/boost/json.cc "#include <boost/json/src.hpp>\n")
add_library(boost_json STATIC ${CMAKE_BINARY_DIR}/boost/json.cc)
target_include_directories(boost_json SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/boost)
add_library(Boost::json ALIAS boost_json)

if(INGLE_TESTS)
  find_path(INGLE_GOOGLETEST CMakeLists.txt PATHS /usr/src/googletest NO_CMAKE_FIND_ROOT_PATH NO_DEFAULT_PATH REQUIRED)
  set(BUILD_GMOCK OFF)
  set(INSTALL_GTEST OFF)
  add_subdirectory(${INGLE_GOOGLETEST} ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
endif()

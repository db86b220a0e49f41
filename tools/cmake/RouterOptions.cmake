# Build-wide switches and the one interface target that carries our compile flags.
option(ROUTER_BUILD_TESTS "Build unit, integration and fuzz-replay tests" ON)
option(ROUTER_PYTHON_TESTS "Test the Python client and the examples (installs from PyPI the first time)" ON)
option(ROUTER_WERROR "Treat warnings as errors" OFF)
option(ROUTER_FUZZ "Link fuzz targets against libFuzzer (needs clang)" OFF)
option(ROUTER_WITHOUT_STATISTICS "Count nothing per request and token: only for tools/bench/statistics" OFF)
set(ROUTER_SANITIZE "" CACHE STRING "Comma-separated sanitizers: address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

# Paths are hashed relative to the checkout, so that a fresh clone finds what another one has compiled.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;${CCACHE}")
endif()

add_library(router_options INTERFACE)
add_library(router::options ALIAS router_options)
target_include_directories(router_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(
  router_options
  INTERFACE -Wall -Wextra -Wnon-virtual-dtor -Wunused-result -Wcast-qual -Wimplicit-fallthrough
            $<$<BOOL:${ROUTER_WERROR}>:-Werror>
            $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)

# Hardening, checked with `hardening-check`; sanitizers bring their own and clash with FORTIFY.
if(ROUTER_SANITIZE)
  string(REPLACE "," ";" sanitizers "${ROUTER_SANITIZE}")
  foreach(sanitizer IN LISTS sanitizers)
    target_compile_options(router_options INTERFACE -fsanitize=${sanitizer})
    target_link_options(router_options INTERFACE -fsanitize=${sanitizer})
  endforeach()
  target_compile_options(router_options INTERFACE -fno-omit-frame-pointer)
else()
  target_compile_options(router_options INTERFACE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
  target_compile_definitions(router_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
  target_link_options(router_options INTERFACE -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()
target_compile_definitions(router_options INTERFACE _GLIBCXX_ASSERTIONS)

if(ROUTER_FUZZ)
  target_compile_options(router_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

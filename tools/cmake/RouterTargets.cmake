# Functions that declare our targets, so that every module says only its name, its sources and its dependencies.
include(GoogleTest)

# router_library(NAME base SRCS a.cc DEPS router::x [absl::y]) -> static library router_base, alias router::base.
function(router_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_library(router_${ARG_NAME} STATIC ${ARG_SRCS})
  add_library(router::${ARG_NAME} ALIAS router_${ARG_NAME})
  target_link_libraries(router_${ARG_NAME} PUBLIC router::options ${ARG_DEPS})
endfunction()

# router_binary(NAME vllm-router SRCS main.cc DEPS ...) -> executable in <build>/bin.
function(router_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE router::options ${ARG_DEPS})
endfunction()

# router_test(NAME base_test LABELS unit SRCS ... DEPS ...) -> one gtest binary, each case a ctest test.
# TIMEOUT (seconds, default 60) bounds each case; NEEDS lists binaries that the cases start; with RUN_SERIAL nothing runs
# beside a case, because it measures time.
function(router_test)
  cmake_parse_arguments(ARG "RUN_SERIAL" "NAME;TIMEOUT" "SRCS;DEPS;LABELS;NEEDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  target_link_libraries(${ARG_NAME} PRIVATE router::options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  foreach(binary IN LISTS ARG_NEEDS)
    add_dependencies(${ARG_NAME} ${binary})
  endforeach()
  target_compile_definitions(
    ${ARG_NAME} PRIVATE ROUTER_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ROUTER_BINARY_DIR="${PROJECT_BINARY_DIR}/bin")
  gtest_discover_tests(
    ${ARG_NAME}
    TEST_PREFIX "${ARG_NAME}."
    DISCOVERY_TIMEOUT 30
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_RUN_SERIAL})
endfunction()

# router_fuzz(NAME head SRCS fuzz_head.cc CORPUS corpus/head DEPS ...)
# With ROUTER_FUZZ a libFuzzer binary; otherwise the same target replays its corpus as a test.
function(router_fuzz)
  cmake_parse_arguments(ARG "" "NAME;CORPUS" "SRCS;DEPS" ${ARGN})
  set(target fuzz_${ARG_NAME})
  if(ROUTER_FUZZ)
    add_executable(${target} ${ARG_SRCS})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${target} ${ARG_SRCS} "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc")
    add_test(NAME ${target}.replays_its_corpus COMMAND ${target} "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS}")
    set_tests_properties(${target}.replays_its_corpus PROPERTIES LABELS "unit;fuzz" TIMEOUT 60)
  endif()
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  target_link_libraries(${target} PRIVATE router::options ${ARG_DEPS})
endfunction()

# What programs outside this repository need: libraries, headers, contracts, CMake package.
# Only this: cmake --install build/release --component client
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/router-client")

set_target_properties(router_client PROPERTIES EXPORT_NAME client)
set_target_properties(router_callback_server PROPERTIES EXPORT_NAME callback_server)
set_target_properties(router_proto PROPERTIES EXPORT_NAME proto)
install(
  TARGETS router_client router_callback_server router_proto
  EXPORT router-client
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client)
install(
  EXPORT router-client
  FILE router-client-targets.cmake
  NAMESPACE router::
  DESTINATION "${package}"
  COMPONENT client)
configure_package_config_file(
  router-client-config.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/router-client-config.cmake"
  INSTALL_DESTINATION "${package}")
write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/router-client-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(
  FILES "${CMAKE_CURRENT_BINARY_DIR}/router-client-config.cmake"
        "${CMAKE_CURRENT_BINARY_DIR}/router-client-config-version.cmake"
  DESTINATION "${package}"
  COMPONENT client)

install(DIRECTORY include/vllm_router DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT client)
# Below our own folder: "proto" is too common a name for the system's include folder.
install(
  FILES "${PROJECT_BINARY_DIR}/gen/proto/router.pb.h" "${PROJECT_BINARY_DIR}/gen/proto/callback.pb.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/vllm_router/proto"
  COMPONENT client)
install(
  FILES "${PROJECT_SOURCE_DIR}/proto/router.proto" "${PROJECT_SOURCE_DIR}/proto/callback.proto"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/router-client/proto"
  COMPONENT client)

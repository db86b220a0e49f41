# cmake -DBUILD=<build tree> -DWORK=<folder> -DSOURCE=<this folder> -P run.cmake
# Installs the client, builds the consumer and the examples of callback services against it, and runs the consumer.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
file(REMOVE_RECURSE "${WORK}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --component client --prefix "${WORK}/prefix")
run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/build" -G Ninja "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/consumer")
run("${CMAKE_COMMAND}" -S "${SOURCE}/../../docs/examples/callbacks/cpp" -B "${WORK}/examples" -G Ninja
    "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
run("${CMAKE_COMMAND}" --build "${WORK}/examples")

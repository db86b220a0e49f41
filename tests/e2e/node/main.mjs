// All of the suite in one process, one test after the other.
import './generation.mjs';
import './endpoints.mjs';
import './errors.mjs';
import './broken_streams.mjs';
import './connections.mjs';

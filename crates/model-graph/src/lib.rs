//! What is computed: operators as a DAG, their FLOPs, bytes and shapes.

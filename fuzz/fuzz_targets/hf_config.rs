//! The reader of Hugging Face `config.json` files must end with a model or an error, whatever it is given.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memwall_model_graph::Architecture;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(architecture) = Architecture::from_hf_config(text) {
        // What the reader accepts is valid: nothing behind it checks again.
        assert!(architecture.validate().is_ok(), "accepted an invalid architecture");
        let _ = architecture.parameters();
    }
});

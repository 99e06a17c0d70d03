#![no_main]
#![doc = "Runs `spectra_fuzz::parameters`."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spectra_fuzz::parameters(data));

#![no_main]
#![doc = "Runs `spectra_fuzz::text`."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spectra_fuzz::text(data));

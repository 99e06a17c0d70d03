#![no_main]
#![doc = "Runs `spectra_fuzz::message`."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spectra_fuzz::message(data));

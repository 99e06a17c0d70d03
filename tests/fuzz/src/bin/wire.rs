#![no_main]
#![doc = "Runs `spectra_fuzz::wire`."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spectra_fuzz::wire(data));

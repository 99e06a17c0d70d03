use super::*;

fn sweep() -> Arrays {
    Arrays {
        names: vec!["vgs".to_owned(), "id".to_owned()],
        columns: vec![vec![-0.5, 0.0, 0.1], vec![1e-13, f64::NAN, 1.797_693_134_862_315_7e308]],
    }
}

/// Equal, and missing where the other is.
#[track_caller]
fn same(one: &Arrays, other: &Arrays) {
    let bits = |arrays: &Arrays| {
        let columns = arrays
            .columns
            .iter()
            .map(|column| column.iter().map(|value| if value.is_nan() { None } else { Some(value.to_bits()) }).collect());
        (arrays.names.clone(), columns.collect::<Vec<Vec<_>>>())
    };
    assert_eq!(bits(one), bits(other));
}

fn read(content_type: &str, content: &[u8]) -> Result<Arrays, Error> {
    Arrays::read(Format::of(content_type, content)?, content.to_vec())
}

/// What a refusal of a file says of it.
#[track_caller]
fn told(refused: Result<Arrays, Error>) -> String {
    match refused {
        Err(Error::Invalid(violations)) => violations[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_format_keeps_every_number() {
    for format in [ArrayFormat::Csv, ArrayFormat::Arrow, ArrayFormat::Parquet] {
        let file = sweep().write(format).expect("a file");
        for content_type in [kind(format).0, "", "application/octet-stream"] {
            same(&read(content_type, &file).expect("its own file"), &sweep());
        }
    }
    let text = String::from_utf8(sweep().write(ArrayFormat::Csv).expect("a file")).expect("text");
    assert_eq!(text, "vgs,id\n-0.5,1e-13\n0.0,\n0.1,1.7976931348623157e+308\n");
}

#[test]
fn a_text_is_read_as_people_write_it() {
    let text = "\u{feff}\"V, gate\" , I\r\n1, NaN\r\n 2e0 ,na\r\n3,\"-4.5\"\r\n";
    let expected =
        Arrays { names: vec!["V, gate".to_owned(), "I".to_owned()], columns: vec![vec![1.0, 2.0, 3.0], vec![f64::NAN, f64::NAN, -4.5]] };
    same(&read("text/csv; charset=utf-8", text.as_bytes()).expect("a text"), &expected);
    same(&read("text/tab-separated-values", b"a\tb\n1\t2\n").expect("a text"), &read("text/plain", b"a,b\n1,2\n").expect("a text"));
}

#[test]
fn names_like_formulas_are_quoted_on_the_way() {
    let names = ["=sum", "'=sum", "''-1", "+v", "@x", "'plain", "-"].map(str::to_owned).to_vec();
    let arrays = Arrays { columns: vec![vec![1.0]; names.len()], names };
    let text = arrays.write(ArrayFormat::Csv).expect("a file");
    assert!(text.starts_with(b"'=sum,''=sum,'''-1,'+v,'@x,'plain,'-\n"), "{}", String::from_utf8_lossy(&text));
    same(&read("text/csv", &text).expect("its own file"), &arrays);
}

#[test]
fn a_text_that_holds_no_numbers_is_told_by_its_row() {
    for (text, expected) in [
        ("a,b\n1,2\n3,x\n", "holds no number at row 2 of b"),
        ("a,b\n1,2\ny,4\n", "holds no number at row 2 of a"),
        ("a\n1\ninf\n", "holds an infinite number at row 2 of a"),
        ("a\n1e999\n", "holds an infinite number at row 1 of a"),
        ("1,2\n3,4\n", "has no names of its columns in its first line"),
        ("a,a\n1,2\n", "names two columns a"),
        ("a,\n1,2\n", "has a column 2 whose name is blank, of more than 200 characters, or no text"),
        ("a\n", "holds no row"),
    ] {
        assert_eq!(told(read("text/csv", text.as_bytes())), expected, "{text}");
    }
    let uneven = told(read("text/csv", b"a,b\n1,2\n3\n"));
    assert!(uneven.contains("line: 3"), "{uneven}");
    assert!(told(read("text/csv", b"a\n\xff\n")).starts_with("does not read as CSV"));
    let wide: Vec<_> = (0..=COLUMNS).map(|nth| format!("c{nth}")).collect();
    assert_eq!(told(read("text/csv", format!("{}\n", wide.join(",")).as_bytes())), "has 257 columns; a file has from 1 to 256");
}

#[test]
fn too_much_is_refused() {
    let long = format!("a\n{}", "1\n".repeat(ROWS + 1));
    assert!(told(read("text/csv", long.as_bytes())).starts_with("holds too much"));
    let names: Vec<_> = (0..COLUMNS).map(|nth| format!("c{nth}")).collect();
    let arrays = Arrays { names, columns: vec![vec![0.0; CELLS / COLUMNS + 1]; COLUMNS] };
    let packed = arrays.write(ArrayFormat::Parquet).expect("a file");
    assert!(packed.len() < 1 << 20, "it is small while it is packed: {}", packed.len());
    assert!(told(read("", &packed)).starts_with("holds too much"));
}

#[test]
fn a_page_that_says_it_is_huge_is_not_unpacked() {
    let mut file = sweep().write(ArrayFormat::Parquet).expect("a file");
    // The first page's header follows the four bytes that every file begins with: its type, then its size unpacked, each an i32.
    assert_eq!(&file[4..7], [0x15, 0x04, 0x15], "a dictionary page");
    let size = &mut file[7];
    assert!(*size < 0x80, "in one byte");
    // Said in five bytes instead of one: 2^31 - 1.
    let (before, behind) = (file[..7].to_vec(), file[8..].to_vec());
    let huge = [before, vec![0xfe, 0xff, 0xff, 0xff, 0x0f], behind].concat();
    let refused = told(read("", &huge));
    assert!(refused.contains("does not read as Parquet") || refused.contains("larger than"), "{refused}");

    let page = [0x15, 0x00, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0x00, 0x00];
    assert_eq!(pages::page(&page), Some(u64::from(i32::MAX.unsigned_abs())));
    for broken in [&page[..4], &page[..10], &[0x15, 0x00, 0x15, 0x01, 0x15, 0x00, 0x00], &[0x1d; 9], &[0x1c; 40]] {
        assert_eq!(pages::page(broken), None, "{broken:?}");
    }
}

#[test]
fn a_file_holds_no_more_than_its_columns() {
    let names: Vec<_> = (0..=COLUMNS).map(|nth| format!("c{nth}")).collect();
    let wide = Arrays { columns: vec![vec![0.0]; names.len()], names }.write(ArrayFormat::Parquet).expect("a file");
    assert_eq!(told(read("", &wide)), "has 257 columns; a file has from 1 to 256");

    let file = sweep().write(ArrayFormat::Parquet).expect("a file");
    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(prost::bytes::Bytes::from(file.clone()));
    let metadata = reader.expect("its own file").metadata().clone();
    let of = |content: &[u8]| pages::measure(content, &metadata).map(|()| sweep());
    same(&of(&file).expect("its own file"), &sweep());
    assert_eq!(told(of(&file[..40])), "does not read as Parquet: its columns say that they are larger than the file");
}

#[test]
fn a_file_is_what_it_says_it_is() {
    let refused = |content_type: &str, content: &[u8]| matches!(Format::of(content_type, content), Err(Error::Refused(refusal)) if refusal.reason() == Reason::MediaType);
    assert!(refused("image/png", b"\x89PNG"));
    assert!(refused("text/csv", b"PAR1"));
    assert!(refused("application/vnd.apache.parquet", b"a,b\n"));
    assert!(refused("", b"\x89PNG\0"));
    assert!(refused("application/vnd.apache.arrow.stream", b"ARROW1\0\0"));
}

#[test]
fn no_bytes_bring_a_reader_down() {
    arbtest::arbtest(|bytes| {
        let mut files: Vec<Vec<u8>> = Vec::new();
        for format in [ArrayFormat::Arrow, ArrayFormat::Parquet] {
            let mut file = sweep().write(format).expect("a file");
            for _ in 0..bytes.int_in_range(1..=8)? {
                let place = bytes.choose_index(file.len())?;
                file[place] = bytes.arbitrary()?;
            }
            file.truncate(bytes.int_in_range(8..=file.len())?);
            files.push(file);
        }
        let mut stream = vec![0xff; 4];
        stream.extend(bytes.arbitrary::<Vec<u8>>()?);
        files.push(stream);
        for file in files {
            // A panic of a library's is caught where files are read, and counts as not reading.
            let read = std::panic::catch_unwind(|| read("", &file));
            if let Ok(Ok(arrays)) = read {
                assert!(arrays.columns.iter().flatten().all(|value| !value.is_infinite()));
                assert!(arrays.columns.iter().all(|column| column.len() == arrays.rows()));
            }
        }
        Ok(())
    })
    .size_max(2000);
}

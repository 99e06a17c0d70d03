use arbtest::arbtest;

use super::*;

/// Routes whose target is their place in the list.
fn table(templates: &[&str]) -> Result<Routes<usize>, String> {
    let mut routes = Routes::default();
    for (target, text) in templates.iter().enumerate() {
        let (method, path) = text.split_once(' ').unwrap_or(("GET", text));
        let method = (method != "*").then(|| method.parse().expect("a method"));
        routes.add(Route { method, template: Template::parse(path)?, owner: format!("rpc{target}"), target })?;
    }
    Ok(routes)
}

#[track_caller]
fn leads(routes: &Routes<usize>, method: &Method, path: &str, target: usize, captures: &[&str]) {
    let found = routes.find(method, path).unwrap_or_else(|miss| panic!("{method} {path}: {miss:?}"));
    assert_eq!(found.captures, captures, "{method} {path}");
    assert_eq!(found.route.target, target, "{method} {path}");
}

#[test]
fn templates_fit_paths() {
    for (template, path, captures) in [
        ("/", "/", Some(&[][..])),
        ("/a/b", "/a/b", Some(&[])),
        ("/a/b", "/a/b/", Some(&[])),
        ("/a/b", "/a/%62", Some(&[])),
        ("/a/b", "/a//b", None),
        ("/a/b", "/a/b//", None),
        ("/a/b", "/a", None),
        ("/a/b", "/a/b/c", None),
        ("/a/b", "a/b", None),
        ("/a/b", "*", None),
        ("/a/*", "/a/x", Some(&[])),
        ("/a/*", "/a/", None),
        ("/a/{id}", "/a/x", Some(&["x"])),
        ("/a/{id}", "/a/x%2Fy%20z", Some(&["x/y z"])),
        ("/a/{id}", "/a/x:y", Some(&["x:y"])),
        ("/a/{id}", "/a/x/y", None),
        ("/a/{id=*}/b", "/a/x/b", Some(&["x"])),
        ("/{a}/{b.c}", "/x/y", Some(&["x", "y"])),
        ("/v1/{name=shelves/*}", "/v1/shelves/1", Some(&["shelves/1"])),
        ("/v1/{name=shelves/*/books/*}", "/v1/shelves/1%2f2/books/3%204", Some(&["shelves/1%2f2/books/3 4"])),
        ("/v1/{name=shelves/*}/books/{book}", "/v1/shelves/1/books/2", Some(&["shelves/1", "2"])),
        ("/v1/{name=shelves/*}", "/v1/racks/1", None),
        ("/v1/{name=fixed}", "/v1/fixed", Some(&["fixed"])),
        ("/f/**", "/f", Some(&[])),
        ("/f/**", "/f/a/b/c", Some(&[])),
        ("/f/{path=**}", "/f/a/b%2Fc/d", Some(&["a/b%2Fc/d"])),
        ("/f/{path=**}", "/f", Some(&[""])),
        ("/f/{path=x/**}", "/f/x/y/z", Some(&["x/y/z"])),
        ("/f/{path=x/**}", "/f/y", None),
        ("/a/{id}:run", "/a/x:run", Some(&["x"])),
        ("/a/{id}:run", "/a/x%3Arun", None),
        ("/a/{id}:run", "/a/x:y:run", Some(&["x:y"])),
        ("/a/{id}:run", "/a/:run", None),
        ("/a:run", "/a:run", Some(&[])),
        ("/a:run", "/a:run/", Some(&[])),
        ("/f/{path=**}:run", "/f/a/b:run", Some(&["a/b"])),
    ] {
        let routes = table(&[template]).expect(template);
        match (routes.find(&Method::GET, path), captures) {
            (Ok(found), Some(captures)) => assert_eq!(found.captures, captures, "{template} {path}"),
            (Err(miss), None) => assert_eq!(miss, Miss::Path, "{template} {path}"),
            (found, _) => panic!("{template} {path}: {found:?}"),
        }
    }
}

#[test]
fn odd_templates_are_refused() {
    for odd in [
        "",
        "a",
        "//",
        "/a/",
        "/a//b",
        "/{",
        "/{}",
        "/{id",
        "/{1d}",
        "/{a..b}",
        "/{a=}",
        "/{a=b/}",
        "/{a={b}}",
        "/a}",
        "/a{b}",
        "/{a}b",
        "/**/a",
        "/{a=**}/b",
        "/a:",
        "/a:b/c",
        "/a:b:c",
        "/a b",
        "/a?b",
        "/%61",
        "/***",
    ] {
        assert!(Template::parse(odd).is_err(), "{odd}");
    }
}

#[test]
fn the_more_exact_template_wins() {
    let routes =
        table(&["/c/{id}", "/c/status", "/c/**", "/c/{id}/x", "/c/status/y", "/c/{id}:run", "/c/status:run", "/**"]).expect("routes");
    for (path, target, captures) in [
        ("/c/status", 1, &[][..]),
        ("/c/other", 0, &["other"]),
        ("/c/status/x", 3, &["status"]),
        ("/c/status/y", 4, &[]),
        ("/c/status/z", 2, &[]),
        ("/c", 2, &[]),
        ("/c/status:run", 6, &[]),
        ("/c/7:run", 5, &["7"]),
        ("/c/7:walk", 0, &["7:walk"]),
        ("/d", 7, &[]),
        ("/", 7, &[]),
    ] {
        leads(&routes, &Method::GET, path, target, captures);
    }
}

#[test]
fn a_path_tells_its_methods() {
    let routes = table(&["/a", "POST /a", "PUT /a/{id}", "DELETE /a/fixed", "* /b", "REPORT /b", "POST /a/{id}:run"]).expect("routes");
    leads(&routes, &Method::HEAD, "/a", 0, &[]);
    leads(&routes, &Method::POST, "/a", 1, &[]);
    leads(&routes, &Method::PUT, "/a/fixed", 2, &["fixed"]);
    leads(&routes, &Method::DELETE, "/b", 4, &[]);
    leads(&routes, &"REPORT".parse().expect("a method"), "/b", 5, &[]);
    leads(&routes, &Method::OPTIONS, "/b", 4, &[]);
    for (method, path, allow) in [
        (Method::PUT, "/a", "GET, HEAD, OPTIONS, POST"),
        (Method::OPTIONS, "/a", "GET, HEAD, OPTIONS, POST"),
        (Method::GET, "/a/fixed", "DELETE, OPTIONS, PUT"),
        (Method::GET, "/a/1:run", "OPTIONS, POST, PUT"),
    ] {
        assert_eq!(routes.find(&method, path).expect_err(path), Miss::Method(allow.to_owned()), "{method} {path}");
    }
    for unreadable in ["/a/%", "/a/%ff", "/%zz"] {
        assert_eq!(routes.find(&Method::GET, unreadable).expect_err(unreadable), Miss::Unreadable);
    }
}

#[test]
fn routes_that_take_the_same_requests_are_refused_by_name() {
    for (templates, told) in [
        (["/a/{id}", "/a/{name}"], "`GET /a/{id}` of rpc0 and `GET /a/{name}` of rpc1"),
        (["/a/{id}", "/a/*"], "`GET /a/{id}` of rpc0 and `GET /a/*` of rpc1"),
        (["/{a=x/*}", "/x/{b}"], "`GET /{a=x/*}` of rpc0 and `GET /x/{b}` of rpc1"),
        (["* /a:run", "* /a:run"], "`* /a:run` of rpc0 and `* /a:run` of rpc1"),
        (["/**", "/{path=**}"], "`GET /**` of rpc0 and `GET /{path=**}` of rpc1"),
    ] {
        let fault = table(&templates).expect_err("an ambiguity");
        assert_eq!(fault, format!("{told} take the same requests"));
    }
    for apart in [["/a/{id}", "POST /a/{id}"], ["/a/{id}", "/a/{id}:run"], ["/a/*", "/a/**"], ["/a/*", "* /a/*"]] {
        assert!(table(&apart).is_ok(), "{apart:?}");
    }
}

#[test]
fn a_long_path_is_no_trouble() {
    let routes = table(&["/a/{b}/c", "/{a}/b/**", "/**"]).expect("routes");
    leads(&routes, &Method::GET, &"/x".repeat(4000), 2, &[]);
    leads(&routes, &Method::GET, &format!("/a/b{}", "/".repeat(8000)), 1, &["a"]);
}

#[test]
fn whatever_stands_in_a_path_is_found_there() {
    arbtest(|u| {
        let (mut template, mut path, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for segment in 0..u.int_in_range(1..=4)? {
            let value: String = u.arbitrary()?;
            if value.is_empty() || u.ratio(1, 3)? {
                template.push("/run".to_owned());
                path.push("/run".to_owned());
            } else {
                template.push(format!("/{{v{segment}}}"));
                path.push(format!("/{}", percent::encode(&value)));
                values.push(value);
            }
        }
        let verb = *u.choose(&["", ":run"])?;
        let routes = table(&[&format!("{}{verb}", template.concat())]).expect("a template");
        let path = format!("{}{verb}", path.concat());
        assert_eq!(routes.find(&Method::GET, &path).expect(&path).captures, values, "{path}");
        let any: String = u.arbitrary()?;
        let _ = routes.find(&Method::GET, &format!("/{any}"));
        let _ = Template::parse(&format!("/{any}"));
        Ok(())
    });
}

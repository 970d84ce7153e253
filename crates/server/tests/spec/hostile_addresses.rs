//! Paths and queries that somebody made to break something: nothing is found by them, and nothing falls.

use serde_json::Value;
use testkit::{Stage, spec};

use crate::{
    hostile_bodies::{House, JSON, Try, all, filled, named, routes},
    shapes::DESCRIPTION,
};

spec! {
    no_path_breaks_a_route;
    no_query_breaks_a_route;
}

async fn no_path_breaks_a_route(stage: Stage) {
    let house = House::build(stage).await;
    let long = "x".repeat(5_000);
    let segments = [
        "%00",
        "a%00b",
        "%2e%2e",
        "..%2f..%2fkeys",
        "%2e%2e%2fusers",
        &long,
        "%ff",
        "%c3%28",
        "%F0%9F%94%91",
        "%0d%0aX:%20y",
        "%e2%80%ae",
        "%25",
        "%zz",
        "%",
        "%20",
        "*",
        "null",
        "-1",
        "99999999999999999999",
        "%2f",
        "%5c",
        "..",
        ".",
        "a;b=c",
        "%27%20OR%201=1--",
    ];
    let mut tries = Vec::new();
    for route in routes().iter().filter(|it| it.path.contains('{') && !it.is_left_out()) {
        for segment in segments {
            tries.push(Try {
                caller: house.ada.caller(),
                method: route.method.clone(),
                path: filled(&route.path, |_| segment),
                body: if route.reads() { vec![] } else { b"{}".to_vec() },
                content_type: (!route.reads()).then_some(JSON),
                about: String::new(),
            });
        }
    }
    let before = house.app.sql("SELECT id, email, role FROM account ORDER BY id");
    // A list of what nobody has is empty; everything else is not there.
    all(tries, |asked, answer| {
        let is_list = asked.method == "GET" && matches!(answer.text().as_str(), "[]" | "{\"items\":[]}");
        (answer.status >= 400 || is_list).then_some(()).ok_or_else(|| "found".to_owned())
    })
    .await;
    assert_eq!(house.app.sql("SELECT id, email, role FROM account ORDER BY id"), before);
    house.still_stands().await;
}

async fn no_query_breaks_a_route(stage: Stage) {
    let house = House::build(stage).await;
    let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
    let (long, marks) = ("x".repeat(20_000), "a%CC%81".repeat(2_000));
    let values = [
        "%00",
        "a%00b",
        "%ff",
        "%c3%28",
        "%e2%80%ae",
        &long,
        &marks,
        "-1",
        "0",
        "1.5",
        "1e308",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775808",
        "null",
        "true",
        "",
        "%",
        "%25_%27%5c",
        "%27%20OR%201=1--",
        "[]",
        "(",
        "*",
        "%ED%A0%80",
    ];
    let mut tries = Vec::new();
    for route in routes().iter().filter(|it| !it.is_left_out()) {
        let operation = &description["paths"][route.path.replace("{*", "{")][route.method.to_lowercase()];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for name in parameters.filter(|it| it["in"] == "query").filter_map(|it| it["name"].as_str()) {
            let mut queries: Vec<String> = values.iter().map(|value| format!("{name}={value}")).collect();
            queries.push(format!("{name}=1&{name}=2"));
            tries.extend(queries.into_iter().map(|query| Try {
                caller: house.ada.caller(),
                method: route.method.clone(),
                path: format!("{}?{query}", house.path(route)),
                body: vec![],
                content_type: None,
                about: name.to_owned(),
            }));
        }
    }
    assert!(tries.len() > 500, "only {}", tries.len());
    all(tries, |asked, answer| match answer.status {
        400 if named(answer).as_deref() != Some(asked.about.as_str()) => {
            Err(format!("names {:?}", named(answer)))
        }
        401 | 403 => Err("signed out".to_owned()),
        _ if answer.status >= 400 && answer.body.len() > 10_000 => Err("repeats too much".to_owned()),
        _ => Ok(()),
    })
    .await;
    house.still_stands().await;
}

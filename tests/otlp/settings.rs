//! What the variables of OpenTelemetry say, and what is refused.

use deployment_orchestrator::otlp::{Settings, Unusable, Variables};
use secrecy::SecretString;

fn variables(endpoint: &str, headers: &str) -> Variables {
    Variables {
        endpoint: Some(endpoint.to_owned()),
        headers: Some(SecretString::from(headers.to_owned())),
        ..Variables::default()
    }
}

#[test]
fn the_endpoint_of_traces_is_taken_as_it_is_and_the_other_is_a_base() {
    assert!(Settings::of(Variables::default()).unwrap().is_none());
    for (base, endpoint, shown) in [
        ("http://localhost:4318", "http://localhost:4318/v1/traces", "http://localhost:4318"),
        ("https://otlp.example/", "https://otlp.example/v1/traces", "https://otlp.example"),
        (
            " https://me:secret@otlp.example/api/otel?tenant=x",
            "https://me:secret@otlp.example/api/otel/v1/traces?tenant=x",
            "https://otlp.example",
        ),
    ] {
        let settings = Settings::of(variables(base, "")).unwrap().unwrap();
        assert_eq!((settings.endpoint.as_str(), settings.shown().as_str()), (endpoint, shown));
    }
    let exact = Variables {
        traces_endpoint: Some("http://localhost:4318/traces/".to_owned()),
        ..variables("not a url", "")
    };
    let settings = Settings::of(exact).unwrap().unwrap();
    assert_eq!(settings.endpoint.as_str(), "http://localhost:4318/traces/");
    assert_eq!(settings.service_name, "deployment-orchestrator");
}

#[test]
fn what_cannot_be_used_is_refused_and_not_repeated() {
    for bad in ["localhost:4318", "collector", "ftp://otlp.example", "http://"] {
        let refused = Settings::of(variables(bad, "")).expect_err(bad);
        assert_eq!(refused, Unusable::Endpoint("OTEL_EXPORTER_OTLP_ENDPOINT"), "{bad}");
    }
    let grpc = Variables { protocol: Some("grpc".to_owned()), ..variables("http://localhost:4317", "") };
    assert_eq!(Settings::of(grpc).err(), Some(Unusable::Protocol("grpc".to_owned())));
    for (bad, which) in [("a=1,secret", 2), ("na me=secret", 1), ("a=1,,b=%0Asecret", 3), ("a=%FFsecret", 1)]
    {
        let refused = Settings::of(variables("http://localhost:4318", bad)).expect_err(bad);
        assert_eq!(refused, Unusable::Headers(which), "{bad}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}

#[test]
fn headers_are_sensitive_and_decoded() {
    let text = "Authorization=Basic%20a+b/c==, x-scope = a%2Cb ,";
    let settings = Settings::of(variables("http://otlp.example", text)).unwrap().unwrap();
    assert_eq!(settings.headers["authorization"], "Basic a+b/c==");
    assert_eq!(settings.headers["x-scope"], "a,b");
    assert!(!format!("{settings:?}").contains("Basic"), "{settings:?}");
    assert!(settings.shows_headers());
    let private = |endpoint| Settings::of(variables(endpoint, "a=1")).unwrap().unwrap();
    assert!(!private("https://otlp.example").shows_headers());
    assert!(!private("http://127.0.0.1:4318").shows_headers());
}

//! Each rule with a text that keeps it and one that does not.

use super::*;

/// A deployment with nothing to say against it.
const GOOD: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: checkout }
spec:
  replicas: 3
  template:
    metadata: { labels: { app: checkout } }
    spec:
      containers:
        - name: app
          image: ghcr.io/acme/checkout:1.4.2
          args: ["--home=${HOME}"]
          resources:
            requests: { cpu: 100m, memory: 64Mi }
            limits: { memory: 128Mi }
          livenessProbe: { httpGet: { path: /healthz, port: 8080 } }
          readinessProbe: { httpGet: { path: /readyz, port: 8080 } }
          env:
            - { name: REGION, value: eu-west-1 }
            - { name: TOKEN_FILE, value: /run/token }
            - name: DB_PASSWORD
              valueFrom: { secretKeyRef: { name: db, key: password } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: checkout }
spec: { minAvailable: 1, selector: { matchLabels: { app: checkout } } }
"#;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), content: Ok(text.to_owned()) }
}

fn rules() -> Rules {
    Rules { image_registries: Some(vec!["ghcr.io/acme".to_owned(), "registry.acme.example:5000".to_owned()]) }
}

/// Code and subject of each finding in `text`, which is the file `a.yaml`.
fn found(text: &str) -> Vec<(String, String)> {
    let findings = findings(&[file("a.yaml", text)], &rules());
    findings.into_iter().map(|it| (it.code, it.subject)).collect()
}

/// That `text` has this one finding, at this line.
fn only(text: &str, code: &str, line: usize) {
    assert_eq!(found(text), [(code.to_owned(), format!("a.yaml:{line}"))], "{text}");
}

#[test]
fn a_good_manifest_has_no_findings() {
    assert_eq!(found(GOOD), []);
}

#[test]
fn one_change_for_the_worse_is_one_finding_at_its_line() {
    for (good, bad, code, line) in [
        ("checkout:1.4.2", "checkout", "image-unpinned", 11),
        ("checkout:1.4.2", "checkout:latest", "image-unpinned", 11),
        ("ghcr.io/acme/checkout", "ghcr.io/acmee/checkout", "image-registry", 11),
        ("ghcr.io/acme/checkout", "checkout", "image-registry", 11),
        ("requests: { cpu: 100m, memory: 64Mi }", "requests: { cpu: 100m }", "resources-missing", 14),
        ("            limits: { memory: 128Mi }\n", "", "resources-missing", 14),
        ("livenessProbe:", "startupProbe:", "probe-missing", 10),
        ("readinessProbe:", "startupProbe:", "probe-missing", 10),
        ("matchLabels: { app: checkout }", "matchLabels: { app: cart }", "disruption-budget-missing", 1),
        ("value: eu-west-1", "value: \"${REGION}\"", "placeholder-left", 19),
        ("value: eu-west-1", "value: <region>", "placeholder-left", 19),
        ("value: eu-west-1", "value: changeme", "placeholder-left", 19),
        ("value: eu-west-1", "value: \"TODO which\"", "placeholder-left", 19),
        ("value: eu-west-1", "value: \"{{ region }}\"", "placeholder-left", 19),
        (
            "name: checkout }\nspec:\n  replicas",
            "name: {{ name }} }\nspec:\n  replicas",
            "placeholder-left",
            3,
        ),
        ("name: REGION, value: eu-west-1", "name: API_TOKEN, value: hunter2", "secret-inline", 19),
        ("value: eu-west-1", "value: \"postgres://app:hunter2@db/shop\"", "secret-inline", 19),
        (
            "metadata: { name: checkout }\nspec:\n",
            "metadata: { name: checkout }\nspec: [\n",
            "yaml-invalid",
            6,
        ),
        ("  replicas: 3\n", "  replicas: 3\n  replicas: 4\n", "yaml-invalid", 6),
    ] {
        let text = GOOD.replacen(good, bad, 1);
        assert_ne!(text, GOOD, "{good}");
        only(&text, code, line);
    }
}

#[test]
fn secrets_are_found_by_kind_key_and_look_and_never_shown() {
    let secret = "apiVersion: v1\nkind: Secret\nstringData:\n  x: hunter2\n";
    only(secret, "secret-inline", 4);
    assert_eq!(found(&format!("{secret}sops: {{ version: 3 }}\n")), [], "SOPS has encrypted it");
    assert_eq!(found("apiVersion: v1\nkind: Secret\ndata: {}\n"), []);
    only("apiVersion: v1\nkind: ConfigMap\ndata:\n  DB_PASSWORD: hunter2\n", "secret-inline", 4);
    only(
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  k: |\n    -----BEGIN RSA PRIVATE KEY-----\n",
        "secret-inline",
        5,
    );
    for (key, is_secret) in [
        ("dbPassword", true),
        ("secretKey", true),
        ("AWS_SECRET_ACCESS_KEY", true),
        ("api-key", true),
        ("existingSecret", false),
        ("secretName", false),
        ("passwordLength", false),
        ("publicKey", false),
        ("tokenTTL", false),
    ] {
        let text = format!("{key}: hunter2\n");
        assert_eq!(found(&text).len(), usize::from(is_secret), "{key}");
        assert_eq!(found(&format!("{key}: \"\"\n")), [], "{key} is empty");
        let said = format!("{:?}", findings(&[file("a.yaml", &text)], &rules()));
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn blocks_programs_and_markup_may_look_like_placeholders() {
    for text in [
        "script: |\n  echo ${HOME} {{ .Values }}\n",
        "command: [sh, -c, 'echo ${HOME}']\n",
        "html: '<b>bold</b>'\n",
        "rule: 'a < b > c'\n",
        "name: todo-service\n",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn every_kind_of_workload_is_looked_into() {
    let pod = "{ containers: [{ name: a, image: ghcr.io/acme/a }] }";
    for (kind, spec, probes) in [
        ("Deployment", format!("{{ template: {{ spec: {pod} }} }}"), true),
        ("StatefulSet", format!("{{ template: {{ spec: {pod} }} }}"), true),
        ("DaemonSet", format!("{{ template: {{ spec: {pod} }} }}"), true),
        ("Job", format!("{{ template: {{ spec: {pod} }} }}"), false),
        ("CronJob", format!("{{ jobTemplate: {{ spec: {{ template: {{ spec: {pod} }} }} }} }}"), false),
        ("Pod", pod.to_owned(), false),
    ] {
        let document = format!("{{ apiVersion: v1, kind: {kind}, spec: {spec} }}");
        let listed = format!("apiVersion: v1\nkind: List\nitems:\n  - {document}\n");
        for text in [document, listed] {
            let codes: Vec<String> = found(&text).into_iter().map(|(code, _)| code).collect();
            let expected: &[&str] = if probes {
                &["image-unpinned", "resources-missing", "probe-missing"]
            } else {
                &["image-unpinned", "resources-missing"]
            };
            assert_eq!(codes, expected, "{text}");
        }
    }
}

#[test]
fn an_image_is_read_as_container_engines_read_it() {
    let digest = format!("ghcr.io/acme/a@sha256:{}", "0".repeat(64));
    for (image, codes) in [
        ("registry.acme.example:5000/a:1", &[][..]),
        ("registry.acme.example:5000/a", &["image-unpinned"]),
        (digest.as_str(), &[]),
        ("ghcr.io/acme/a:latest@sha256:00", &[]),
        ("nginx", &["image-unpinned", "image-registry"]),
        ("nginx:1.27", &["image-registry"]),
        ("ghcr.io/other/a:1", &["image-registry"]),
    ] {
        let said: Vec<String> =
            found(&format!("image: {image}\n")).into_iter().map(|(code, _)| code).collect();
        assert_eq!(said, codes, "{image}");
    }
    assert_eq!(
        findings(&[file("a.yaml", "image: nginx:1\n")], &Rules::default()),
        [],
        "any registry will do"
    );
}

#[test]
fn of_a_chart_the_values_are_looked_at_and_the_templates_are_told_of() {
    let values = "image: { registry: docker.io, repository: nginx, tag: latest }\n\
                  resources: {}\n\
                  auth:\n  adminPassword: hunter2\n  existingSecret: db\n\
                  host: <your host>\n";
    let files = [
        file("app/Chart.yaml", "apiVersion: v2\nname: app\n"),
        file("app/values.yaml", values),
        file("app/templates/a.yaml", "{{ if }}\nnot: [yaml\n"),
        file("app/templates/b.yaml", "{{ end }}"),
        file("apps/templates/c.yaml", "a: 1\n"),
    ];
    let found = findings(&files, &rules());
    let said: Vec<(&str, &str)> = found.iter().map(|it| (it.code.as_str(), it.subject.as_str())).collect();
    assert_eq!(
        said,
        [
            ("placeholder-left", "app/values.yaml:6"),
            ("secret-inline", "app/values.yaml:4"),
            ("image-unpinned", "app/values.yaml:1"),
            ("image-registry", "app/values.yaml:1"),
            ("resources-missing", "app/values.yaml:2"),
            ("chart-not-rendered", "app"),
        ]
    );
    let at_the_root = [file("Chart.yaml", "name: x\n"), file("templates/a.yaml", "{{")];
    assert_eq!(findings(&at_the_root, &rules())[0].subject, ".");
}

#[test]
fn a_budget_of_another_file_covers_and_one_of_another_namespace_does_not() {
    let (deployment, budget) = GOOD.split_once("---\n").expect("two documents");
    let both = [file("a.yaml", deployment), file("b.yaml", budget)];
    assert_eq!(findings(&both, &rules()), []);
    let apart = [
        file("a.yaml", &deployment.replacen("{ name: checkout }", "{ name: checkout, namespace: one }", 1)),
        file("b.yaml", &budget.replacen("{ name: checkout }", "{ name: checkout, namespace: two }", 1)),
    ];
    assert_eq!(findings(&apart, &rules())[0].code, "disruption-budget-missing");
    let single = deployment.replacen("replicas: 3", "replicas: 1", 1);
    assert_eq!(findings(&[file("a.yaml", &single)], &rules()), []);
}

#[test]
fn what_cannot_be_read_blocks_and_hostile_text_ends_as_a_finding() {
    let unread = File { path: "x.yaml".to_owned(), content: Err("is no text in UTF-8".to_owned()) };
    assert_eq!(findings(&[unread], &rules())[0].code, "manifests-unreadable");
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    for text in
        [format!("a0: &a0 x\n{bomb}"), "[".repeat(1_000_000), "- ".repeat(500_000), "\0\0\0: [".to_owned()]
    {
        assert_eq!(found(&text)[0].0, "yaml-invalid");
    }
}

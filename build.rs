//! Finds httpd (through `apxs`) and Python (through `PYO3_PYTHON`), compiles the C shim, generates
//! the declarations of httpd's API. Where something is missing, the build ends with one sentence that
//! names the package to install.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=c-shim");
    for variable in ["APXS", "PYO3_PYTHON"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let httpd = Httpd::find();
    let python = Python::find();
    compile_shim(&httpd, &python);
    let declarations = generate_declarations(&httpd);
    link_test_double(&httpd, &declarations);
    link(&python);
}

/// Ends the build with one readable sentence instead of a panic's backtrace.
fn fail(sentence: &str) -> ! {
    println!("cargo::error={sentence}");
    exit(1);
}

/// Standard output of a command, trimmed; `None` if it could not be run or failed.
fn output(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Option<String> {
    let out = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}

struct Httpd {
    includes: Vec<PathBuf>,
    flags: Vec<String>,
}

impl Httpd {
    fn find() -> Self {
        let candidates = match env::var("APXS") {
            Ok(apxs) => vec![apxs],
            Err(_) => ["apxs2", "apxs", "/usr/bin/apxs2", "/usr/sbin/apxs"]
                .map(String::from)
                .to_vec(),
        };
        let query = |name| {
            candidates
                .iter()
                .find_map(|apxs| output(apxs, &["-q", name]))
        };
        let Some(include) = query("INCLUDEDIR") else {
            fail(
                "httpd's apxs was not found: install the package apache2-dev (Debian) or \
                 httpd-devel (Fedora), or set APXS to its path",
            );
        };
        let Some(apr) = query("APR_INCLUDEDIR") else {
            fail(
                "apxs knows no APR_INCLUDEDIR: install the package libapr1-dev (Debian) or apr-devel",
            );
        };
        let apu = query("APU_INCLUDEDIR").unwrap_or_else(|| apr.clone());
        if !Path::new(&include).join("httpd.h").exists() {
            fail(&format!(
                "{include}/httpd.h is missing: install the package apache2-dev"
            ));
        }
        // Only the flags that change the meaning of the headers (-D_GNU_SOURCE, -D_LARGEFILE64_SOURCE, …).
        let flags = query("EXTRA_CPPFLAGS").unwrap_or_default();
        Self {
            includes: vec![include.into(), apr.into(), apu.into()],
            flags: flags
                .split_whitespace()
                .filter(|flag| flag.starts_with("-D"))
                .map(String::from)
                .collect(),
        }
    }
}

const SUPPORTED: [&str; 4] = ["3.11.", "3.12.", "3.13.", "3.14."];

struct Python {
    executable: String,
    version: String,
    library: String,
    include: PathBuf,
}

impl Python {
    fn find() -> Self {
        let executable = env::var("PYO3_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".into());
        let ask = |expression: &str| {
            output(
                &executable,
                &["-c", &format!("import sys, sysconfig; print({expression})")],
            )
        };
        let Some(version) = ask("'%d.%d.%d' % sys.version_info[:3]") else {
            fail(&format!(
                "{executable} does not run: install the package python3, or set PYO3_PYTHON"
            ));
        };
        // The shim knows private structures of these.
        if !SUPPORTED.iter().any(|minor| version.starts_with(minor)) {
            fail(&format!(
                "{executable} is Python {version}, and the module is for 3.11 to 3.14: set PYO3_PYTHON to one of these"
            ));
        }
        let include = PathBuf::from(ask("sysconfig.get_path('include')").unwrap_or_default());
        if !include.join("Python.h").exists() {
            fail(&format!(
                "Python.h of {executable} ({version}) is missing: install the package python3-dev"
            ));
        }
        if ask("sysconfig.get_config_var('Py_ENABLE_SHARED')").as_deref() != Some("1") {
            fail(&format!(
                "{executable} has no shared libpython, so it cannot live inside httpd: set \
                 PYO3_PYTHON to one built with --enable-shared (Debian's /usr/bin/python3 is)"
            ));
        }
        let library = ask("sysconfig.get_path('stdlib')").unwrap_or_default();
        // The absolute path of the interpreter that PYO3_PYTHON names; the module gives it to Python as its own.
        let executable = ask("sys.executable").unwrap_or(executable);
        Self {
            executable,
            version,
            library,
            include,
        }
    }
}

fn compile_shim(httpd: &Httpd, python: &Python) {
    let mut build = cc::Build::new();
    build
        .files(
            [
                "shim",
                "bind_gilstate",
                "dump_threads",
                "thread_functions",
                "thread_ids",
                "wait_for_gil",
            ]
            .map(|name| format!("c-shim/{name}.c")),
        )
        .includes(&httpd.includes);
    build
        .include(&python.include)
        .warnings(true)
        .extra_warnings(true);
    // httpd's own headers leave parameters unused.
    build.flag("-Wno-unused-parameter");
    for flag in &httpd.flags {
        build.flag(flag);
    }
    if let Err(error) = build.try_compile("mod_python_shim") {
        fail(&format!(
            "the C shim does not compile (is the package gcc installed?): {error}"
        ));
    }
}

/// Builds the library that stands in for httpd in `mod_python.testing`, beside the module. The functions of httpd
/// that it does not implement are defined as ones that end the process with their name.
fn link_test_double(httpd: &Httpd, declarations: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let named = |start: &'static str| {
        let lines = declarations.lines().map(str::trim_start);
        lines.filter_map(move |line| {
            let name = line.strip_prefix(start)?.split(['(', ':', '<']).next()?;
            name.starts_with("ap_").then_some(name)
        })
    };
    let mut missing = String::from("void bench_missing(const char *name);\n");
    for name in named("pub fn ") {
        missing +=
            &format!("__attribute__((weak)) void {name}(void) {{ bench_missing(\"{name}\"); }}\n");
    }
    for name in named("pub static mut ").chain(named("pub static ")) {
        missing += &format!("__attribute__((weak)) void *{name}[64];\n");
    }
    let generated = out.join("missing.c");
    std::fs::write(&generated, missing).expect("OUT_DIR is writable");

    let mut build = cc::Build::new();
    build.includes(&httpd.includes).pic(true);
    let mut command = build.get_compiler().to_command();
    command.args(["-shared", "-Wall", "-Wextra", "-Werror"]);
    command.args(["-Wno-unused-parameter", "-Wno-builtin-declaration-mismatch"]);
    command.args(&httpd.flags).arg(generated);
    command.args(["httpd", "chain", "bench"].map(|name| format!("c-shim/testing/{name}.c")));
    // OUT_DIR is target/PROFILE/build/NAME/out.
    let profile = out.ancestors().nth(3).expect("a folder of the profile");
    command
        .arg("-o")
        .arg(profile.join("libmod_python_testing.so"));
    command.args(["-lapr-1", "-laprutil-1"]);
    if !command.status().is_ok_and(|status| status.success()) {
        fail("c-shim/testing does not compile, as gcc says above");
    }
    // For `cargo test`, which links it (`src/httpd/ffi.rs`). Cargo looks there for libraries at run time, too.
    println!("cargo::rustc-link-search=native={}", profile.display());
}

fn generate_declarations(httpd: &Httpd) -> String {
    let header = "c-shim/shim.h";
    let mut builder = bindgen::Builder::default()
        .header(header)
        .allowlist_function("(ap|apr|mp)_.*")
        .allowlist_type("(ap|apr|authn|authz|include|core|conn|request|server|process|module|command|cmd|piped)_.*")
        .allowlist_var("(AP|APR|AUTH|AUTHZ|ENABLE|APLOG|CONN|DECLINED|DONE|EXEC|HTTP|M|MODULE|OK|OR|NONFATAL|PROXYREQ|RSRC|ACCESS|SUSPENDED|RAW|REQUEST|REMOTE|CGI|INCLUDES|DIR|SSI|OPT|SERVER_BUSY)_?.*")
        .allowlist_var("(ap|apr)_.*")
        .prepend_enum_name(false)
        .derive_debug(false)
        .layout_tests(false)
        .generate_comments(false);
    for include in &httpd.includes {
        builder = builder.clang_arg(format!("-I{}", include.display()));
    }
    builder = builder.clang_args(&httpd.flags);
    // libclang is loaded at run time; bindgen panics with a page of text when it is not there.
    if clang_missing() {
        fail("libclang was not found: install the package libclang-dev (Debian) or clang-devel");
    }
    let declarations = match builder.generate() {
        Ok(declarations) => declarations,
        Err(error) => fail(&format!("bindgen could not read httpd's headers: {error}")),
    };
    let file = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("httpd.rs");
    let declarations = declarations.to_string();
    std::fs::write(file, &declarations).expect("OUT_DIR is writable");
    declarations
}

fn clang_missing() -> bool {
    std::panic::set_hook(Box::new(|_| {}));
    let missing = std::panic::catch_unwind(|| bindgen::clang_version().full).is_err();
    let _ = std::panic::take_hook();
    missing
}

fn link(python: &Python) {
    // Keeps the module's code mapped when httpd unloads it between restarts: libpython's and our
    // thread-local destructors point into it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    pyo3_build_config::use_pyo3_cfgs();
    pyo3_build_config::add_libpython_rpath_link_args();
    // For `cargo test`, which has APR without httpd. In httpd both libraries are loaded already.
    println!("cargo::rustc-link-lib=apr-1");
    println!("cargo::rustc-link-lib=aprutil-1");
    println!(
        "cargo::rustc-env=MOD_PYTHON_EXECUTABLE={}",
        python.executable
    );
    println!("cargo::rustc-env=MOD_PYTHON_LIBRARY={}", python.library);
    println!(
        "cargo::rustc-env=MOD_PYTHON_PYTHON_VERSION={}",
        python.version
    );
}

//! `cargo xtask up`.

use crate::cluster::{
    self, Lock, image, platform, product, progress::Progress, secrets, status, target::Target,
};

/// Options of `cargo xtask up`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// How many nodes: 1 or 2
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) nodes: u8,
    /// Only Kubernetes, the backends and the sample platform's Secrets
    #[arg(long)]
    pub(crate) no_platform: bool,
    /// Use the cluster of your kubeconfig's current context, with your servers, instead of making one
    #[arg(long, requires = "image", conflicts_with_all = ["nodes", "no_platform"])]
    pub(crate) existing: bool,
    /// With --existing: the image, where your cluster can pull it (`cargo xtask image` builds it)
    #[arg(long, value_name = "REPOSITORY:TAG", requires = "existing")]
    pub(crate) image: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.image {
        Some(image) => existing(image),
        None => local(args),
    }
}

fn local(args: &Args) -> anyhow::Result<()> {
    cluster::require()?;
    let _lock = Lock::take()?;
    let steps = if args.no_platform { 1 } else { 4 };
    let mut progress = Progress::new(cluster::STEPS + steps);
    cluster::up(&mut progress, usize::from(args.nodes))?;
    progress.step("namespace and Secrets", |_| secrets::ensure())?;
    if args.no_platform {
        eprintln!("\n{}", progress.table());
        eprintln!("next: cargo xtask status · cargo xtask kubectl -- get nodes · cargo xtask down");
        return Ok(());
    }
    let product = progress.step("release build", |_| product::build())?;
    progress.step("image", |step| {
        step.say(format!(
            "{}, {} MiB",
            product.name(),
            product.archive_bytes.div_ceil(1024 * 1024)
        ));
        image::import_everywhere(&product.archive.path)
    })?;
    let target = Target::local(product);
    progress.step("operator and sample Platform", |step| {
        platform::install(&target, step)?;
        platform::forward()
    })?;
    eprintln!("\n{}", progress.table());
    eprintln!("{}", status::text(&status::json()?));
    if platform::login(target.kubectl()).is_none() {
        eprintln!("{}\n", platform::without_login(&target.typed()));
    }
    eprintln!(
        "next: cargo xtask kubectl -- get platform -A -o wide · cargo xtask kubectl -- -n {} get pods · cargo xtask test",
        platform::NAMESPACE
    );
    Ok(())
}

/// Operator and sample platform on a cluster that the user has.
fn existing(image: &str) -> anyhow::Result<()> {
    let target = Target::existing(image)?;
    let mut progress = Progress::new(2);
    progress.step("Secrets of your servers", |step| {
        step.say(format!("context {}", target.context().unwrap_or_default()));
        secrets::require(&target)
    })?;
    progress.step("operator and sample Platform", |step| {
        platform::install(&target, step)
    })?;
    eprintln!("\n{}", progress.table());
    let (namespace, name) = (platform::NAMESPACE, platform::NAME);
    match platform::login(target.kubectl()) {
        Some((login, password)) => eprintln!("login        {login}\npassword     {password}\n"),
        None => eprintln!("{}\n", platform::without_login(&target.typed())),
    }
    eprintln!(
        "next: {kubectl} -n {namespace} get platform {name} -o wide · {kubectl} -n {namespace} port-forward service/{name}-web {web}:8000, then http://127.0.0.1:{web}/api/docs · {kubectl} -n {namespace} delete platform {name}",
        kubectl = target.typed(),
        web = platform::WEB_PORT
    );
    Ok(())
}

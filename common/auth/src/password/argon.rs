//! Argon2 in PHC strings: ours, and those that another system made with parameters of its own.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;

use super::stored::UnusableHash;

const MEMORY_KIB: u32 = 46 * 1024;
const PASSES: u32 = 1;
const LANES: u32 = 1;
const OUTPUT: usize = 32;
/// Blocks of memory that a hash of ours takes, of 1 KiB each.
pub(super) const BLOCKS: usize = MEMORY_KIB as usize;

/// The most memory that a hash may take. Django takes 100 MiB.
const MOST_MEMORY_KIB: u32 = 128 * 1024;
/// The most memory times passes: about a second. Django takes 200 MiB.
const MOST_WORK_KIB: u64 = 1024 * 1024;

const NOT_PHC: UnusableHash = UnusableHash::new(
    "must be an Argon2 hash with salt and output, such as $argon2id$v=19$m=102400,t=2,p=8$<salt>$<output>",
);
const TOO_COSTLY: UnusableHash = UnusableHash::new(
    "must take at most 128 MiB of memory and at most 1 GiB in all passes: m ≤ 131072, m × t ≤ 1048576",
);

/// A hash and how it is made.
#[derive(Debug, Clone)]
pub(super) struct Argon {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Argon {
    /// A hash that no password has.
    pub(super) fn of_nothing(salt: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: ours(),
            salt: salt.to_vec(),
            output: vec![0; OUTPUT],
        }
    }

    /// The hash of `password`, with our parameters.
    pub(super) fn of(password: &[u8], salt: &[u8], memory: &mut Vec<Block>) -> Option<Self> {
        let made = Self::of_nothing(salt);
        let output = made.derive(password, memory)?;
        Some(Self { output, ..made })
    }

    /// Reads a PHC string.
    pub(super) fn parse(text: &str) -> Result<Self, UnusableHash> {
        let read = PasswordHash::new(text).map_err(|_| NOT_PHC)?;
        let (Some(salt), Some(output)) = (read.salt, read.hash) else {
            return Err(NOT_PHC);
        };
        // The first hashes of this kind did not name their version.
        let version = read.version.map_or(Ok(Version::V0x10), Version::try_from);
        let params = Params::try_from(&read).map_err(|_| NOT_PHC)?;
        let (memory, passes) = (params.m_cost(), params.t_cost());
        if memory > MOST_MEMORY_KIB || u64::from(memory) * u64::from(passes) > MOST_WORK_KIB {
            return Err(TOO_COSTLY);
        }
        Ok(Self {
            algorithm: read.algorithm.as_str().parse().map_err(|_| NOT_PHC)?,
            version: version.map_err(|_| NOT_PHC)?,
            params,
            salt: salt.to_vec(),
            output: output.as_bytes().to_vec(),
        })
    }

    /// As a PHC string.
    pub(super) fn text(&self) -> Option<String> {
        let hash = PasswordHash {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params: ParamsString::try_from(&self.params).ok()?,
            salt: Some(Salt::new(&self.salt).ok()?),
            hash: Some(Output::new(&self.output).ok()?),
        };
        Some(hash.to_string())
    }

    /// Whether it is made as ours are.
    pub(super) fn is_current(&self) -> bool {
        let ours = Self::of_nothing(&[]);
        (self.algorithm, self.version) == (ours.algorithm, ours.version)
            && self.params == ours.params
    }

    /// Whether it is the hash of `password`.
    pub(super) fn fits(&self, password: &[u8], memory: &mut Vec<Block>) -> bool {
        self.derive(password, memory)
            .is_some_and(|output| output.ct_eq(&self.output).into())
    }

    fn derive(&self, password: &[u8], memory: &mut Vec<Block>) -> Option<Vec<u8>> {
        memory.resize(self.params.block_count(), Block::default());
        let mut output = vec![0; self.output.len()];
        Argon2::new(self.algorithm, self.version, self.params.clone())
            .hash_password_into_with_memory(password, &self.salt, &mut output, memory)
            .ok()?;
        Some(output)
    }
}

#[expect(
    clippy::expect_used,
    reason = "constants within the algorithm's bounds, covered by every test"
)]
fn ours() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT))
        .expect("46 MiB, one pass, one lane are valid")
}

//! What is checked: which transfer, with which faults.

use core::time::Duration;

use tftp_proto::{Config, Rollover};

use crate::Sabotage;

/// Which way the file goes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a file goes one way or the other")]
pub enum Way {
    /// The client reads.
    Get,
    /// The client writes.
    Put,
}

/// How many faults of each kind a run may have.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a setup is written out in full")]
pub struct Budget {
    /// Datagrams that vanish.
    pub loss: u8,
    /// Datagrams that arrive twice, the second time at any moment later.
    pub double: u8,
    /// Datagrams that are held back until any moment later.
    pub hold: u8,
    /// Timers that fire although nothing is lost.
    pub early: u8,
    /// Times that half a time-out passes although nothing is lost.
    pub pause: u8,
    /// Datagrams from a stranger.
    pub stray: u8,
}

/// What the server makes of the options of a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Answer {
    /// It agrees to what its limits allow.
    Agree,
    /// It answers ERROR 8, so that the client has to ask without them.
    Refuse,
}

/// One transfer to check.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What sets it apart from a plain transfer.
    traits: String,
    pub(crate) way: Way,
    /// What the client asks for.
    pub(crate) client: Config,
    /// What the server agrees to.
    pub(crate) server: Config,
    pub(crate) answer: Answer,
    /// The server is a `Server` with one port.
    pub(crate) table: bool,
    /// Octets of the file.
    pub(crate) len: u64,
    /// The sender is not told the length.
    pub(crate) unknown: bool,
    /// The blocks that both ends have behind them, without a fault, when the checking begins.
    pub(crate) behind: u64,
    /// Whether a round trip takes any time at all. If not, rule S5 of the sender applies only after a pause.
    pub(crate) ticking: bool,
    /// Whether other things may happen between one datagram of a window and the next.
    pub(crate) stepwise: bool,
    /// Whether the time-out follows the round trip.
    pub(crate) adaptive: bool,
    /// Whether an end may give up although the faults are few.
    pub(crate) impatient: bool,
    pub(crate) budget: Budget,
    pub(crate) sabotage: Option<Sabotage>,
}

/// The only time-out, unless it is adaptive: round trips leave no trace in a state.
const TIME_OUT: Duration = Duration::from_secs(1);

/// What a pause takes: as long as a receiver keeps a repeated ACK back.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

fn steady(mut config: Config) -> Config {
    config.retry.initial = TIME_OUT;
    config.retry.floor = TIME_OUT;
    config.retry.ceiling = TIME_OUT;
    // More than any budget, so that nobody gives up for bad luck.
    config.retry.resends = 12;
    config.retry.unproven = 12;
    config
}

impl Setup {
    /// A transfer of `blocks` blocks of 8 octets, the last one of 3, in windows of `windowsize`.
    #[must_use]
    pub fn new(way: Way, windowsize: u16, blocks: u64, budget: Budget) -> Self {
        let mut client = steady(Config::client());
        client.blksize = 8;
        client.windowsize = windowsize;
        Self {
            traits: String::new(),
            way,
            client,
            server: steady(Config::server()),
            answer: Answer::Agree,
            table: false,
            len: blocks.saturating_sub(1) * 8 + 3,
            unknown: false,
            behind: 0,
            ticking: true,
            stepwise: false,
            adaptive: false,
            impatient: false,
            budget,
            sabotage: None,
        }
    }

    fn named(mut self, name: &str) -> Self {
        self.traits += ", ";
        self.traits += name;
        self
    }

    /// The file's last block has 3 octets, the others are full.
    fn blocks(mut self, blksize: u64, blocks: u64) -> Self {
        self.len = blocks.saturating_sub(1) * blksize + 3;
        self
    }

    /// The client asks for nothing: blocks of 512 octets, lockstep.
    #[must_use]
    pub fn plain(mut self, blocks: u64) -> Self {
        self.client.options = false;
        self.blocks(512, blocks).named("no options")
    }

    /// The server passes over the options.
    #[must_use]
    pub fn ignored(mut self, blocks: u64) -> Self {
        self.server.options = false;
        self.blocks(512, blocks).named("options passed over")
    }

    /// The server answers ERROR 8 to options, and the client asks again without.
    #[must_use]
    pub fn refused(mut self, blocks: u64) -> Self {
        self.answer = Answer::Refuse;
        self.blocks(512, blocks).named("options refused")
    }

    /// The server agrees to a smaller window.
    #[must_use]
    pub fn lowered(mut self, windowsize: u16) -> Self {
        self.server.windowsize = windowsize;
        self.named(&format!("lowered to {windowsize}"))
    }

    /// The file ends with an empty block.
    #[must_use]
    pub fn whole_blocks(mut self) -> Self {
        self.len -= 3;
        let name = if self.len == 0 {
            "empty file"
        } else {
            "whole blocks"
        };
        self.named(name)
    }

    /// The sender does not know the length of its file before it ends.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self.named("length unknown")
    }

    /// The server is a `Server` with one port.
    #[must_use]
    pub fn table(mut self) -> Self {
        self.table = true;
        self.named("one port")
    }

    /// Round trips take no time.
    #[must_use]
    pub fn timeless(mut self) -> Self {
        self.ticking = false;
        self.named("no round-trip time")
    }

    /// The ends send one datagram at a time, and hear others in between.
    #[must_use]
    pub fn stepwise(mut self) -> Self {
        self.stepwise = true;
        self.named("stepwise")
    }

    /// The time-out is adapted between 50 ms and 16 s, as it is unless the user says otherwise.
    #[must_use]
    pub fn adaptive(mut self) -> Self {
        for config in [&mut self.client, &mut self.server] {
            config.retry.floor = Duration::from_millis(50);
            config.retry.ceiling = Duration::from_secs(16);
        }
        self.adaptive = true;
        self.named("adaptive time-out")
    }

    /// The ends try once more and then give up.
    #[must_use]
    pub fn impatient(mut self) -> Self {
        for config in [&mut self.client, &mut self.server] {
            config.retry.resends = 1;
            config.retry.unproven = 1;
        }
        self.impatient = true;
        self.named("impatient")
    }

    /// The checking begins `before` blocks before the numbers are used up; `blocks` follow.
    #[must_use]
    pub fn at_the_wrap(mut self, before: u64, blocks: u64) -> Self {
        self.behind = 65_535 - before;
        self.len = (self.behind + blocks).saturating_sub(1) * 8 + 3;
        self.named(&format!("rollover in block {}", before + 1))
    }

    /// After 65535 comes 1: agreed if the client says so, otherwise to be noticed.
    #[must_use]
    pub fn to_one(mut self, agreed: bool) -> Self {
        if agreed {
            self.client.rollover = Rollover::One;
            self.named("to 1")
        } else {
            self.server.rollover = Rollover::One;
            self.named("to 1, not agreed")
        }
    }

    /// Half a time-out may pass at any moment, twice.
    #[must_use]
    pub fn pausing(mut self) -> Self {
        self.budget.pause = 2;
        self.named("2 pauses")
    }

    /// There is a stranger, who sends as many datagrams.
    #[must_use]
    pub fn stranger(mut self, datagrams: u8) -> Self {
        self.budget.stray = datagrams;
        self.named(&format!("{datagrams} of a stranger"))
    }

    /// One end or the link is broken in this way.
    #[must_use]
    pub fn sabotaged(mut self, sabotage: Sabotage) -> Self {
        self.sabotage = Some(sabotage);
        if sabotage == Sabotage::NoDally {
            self.client.dally = false;
            self.server.dally = false;
        }
        self.named(&format!("{sabotage:?}"))
    }

    /// What it is called in the report: no two setups of a list have the same name.
    #[must_use]
    pub fn name(&self) -> String {
        let way = match self.way {
            Way::Get => "get",
            Way::Put => "put",
        };
        let window = match self.client.windowsize {
            1 => "lockstep".to_owned(),
            size => format!("window {size}"),
        };
        let octets = self.len;
        let traits = &self.traits;
        let Budget {
            loss,
            double,
            hold,
            early,
            pause: _,
            stray: _,
        } = self.budget;
        format!(
            "{way}, {window}, {octets} octets{traits}; {loss} lost, {double} doubled, {hold} held, {early} early"
        )
    }

    /// The receiver has to find out how the numbers go on.
    pub(crate) fn puzzles(&self) -> bool {
        self.behind > 0 && self.client.rollover != self.server.rollover
    }

    pub(crate) fn is_lockstep(&self) -> bool {
        self.window() == 1
    }

    /// The window that is agreed.
    pub(crate) fn window(&self) -> u16 {
        if self.answer == Answer::Refuse || !self.client.options || !self.server.options {
            1
        } else {
            self.client.windowsize.min(self.server.windowsize)
        }
    }
}

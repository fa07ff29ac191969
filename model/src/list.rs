//! The setups that are checked.

use crate::{Budget, Setup, Way};

const fn budget(loss: u8, double: u8, hold: u8, early: u8) -> Budget {
    Budget {
        loss,
        double,
        hold,
        early,
        pause: 0,
        stray: 0,
    }
}

/// Of each fault one, and of loss two.
const USUAL: Budget = budget(2, 1, 1, 1);

/// Of each fault one.
const SMALL: Budget = budget(1, 1, 1, 1);

const BOTH: [Way; 2] = [Way::Get, Way::Put];

/// Everything that is checked for a release: some minutes.
#[must_use]
pub fn exhaustive() -> Vec<Setup> {
    BOTH.into_iter()
        .flat_map(|way| {
            let mut setups = lockstep(way);
            setups.extend(windows(way));
            setups.extend(timers(way));
            setups.extend(strangers(way));
            setups.extend(tables(way));
            setups.extend(rollovers(way));
            setups
        })
        .collect()
}

/// What is checked with every run of the tests: some seconds even without optimisation.
#[must_use]
pub fn quick() -> Vec<Setup> {
    BOTH.into_iter()
        .flat_map(|way| {
            [
                Setup::new(way, 1, 2, budget(1, 1, 0, 1)),
                Setup::new(way, 2, 3, budget(1, 0, 1, 1)),
                Setup::new(way, 2, 2, budget(1, 0, 0, 0)).stranger(1),
                Setup::new(way, 1, 2, budget(1, 0, 0, 1)).table(),
                Setup::new(way, 4, 2, budget(1, 0, 0, 1)).refused(2),
                Setup::new(way, 2, 4, budget(1, 0, 0, 0)).unknown(),
                Setup::new(way, 2, 2, budget(1, 0, 0, 0)).at_the_wrap(2, 5),
            ]
        })
        .collect()
}

fn lockstep(way: Way) -> Vec<Setup> {
    vec![
        Setup::new(way, 1, 3, USUAL),
        Setup::new(way, 1, 2, budget(0, 2, 1, 1)),
        Setup::new(way, 1, 2, budget(1, 0, 3, 0)),
        Setup::new(way, 1, 3, USUAL).whole_blocks(),
        Setup::new(way, 1, 1, USUAL),
        Setup::new(way, 1, 1, USUAL).whole_blocks(),
        Setup::new(way, 1, 3, SMALL).unknown(),
        Setup::new(way, 1, 3, SMALL).whole_blocks().unknown(),
        Setup::new(way, 1, 3, USUAL).plain(3),
        Setup::new(way, 4, 3, USUAL).ignored(3),
        Setup::new(way, 4, 2, SMALL).refused(2),
        Setup::new(way, 4, 4, SMALL).lowered(1),
    ]
}

fn windows(way: Way) -> Vec<Setup> {
    vec![
        Setup::new(way, 2, 3, USUAL),
        Setup::new(way, 2, 5, SMALL),
        Setup::new(way, 2, 4, SMALL).whole_blocks(),
        Setup::new(way, 2, 4, SMALL).timeless(),
        Setup::new(way, 2, 3, SMALL).stepwise(),
        Setup::new(way, 3, 4, USUAL),
        Setup::new(way, 3, 6, SMALL),
        Setup::new(way, 3, 6, SMALL).timeless(),
        Setup::new(way, 3, 5, budget(1, 1, 0, 1)).stepwise(),
        Setup::new(way, 4, 6, SMALL),
        Setup::new(way, 4, 6, budget(2, 0, 1, 1)),
        Setup::new(way, 4, 9, budget(1, 0, 1, 1)),
        Setup::new(way, 4, 5, SMALL).lowered(2),
        Setup::new(way, 2, 1, USUAL).whole_blocks(),
        Setup::new(way, 2, 4, SMALL).unknown(),
        Setup::new(way, 3, 5, budget(1, 0, 1, 1))
            .whole_blocks()
            .unknown(),
        Setup::new(way, 4, 6, budget(1, 0, 1, 1)).unknown(),
    ]
}

fn timers(way: Way) -> Vec<Setup> {
    vec![
        Setup::new(way, 1, 2, budget(1, 1, 0, 1)).pausing(),
        Setup::new(way, 3, 4, budget(1, 1, 0, 1)).pausing(),
        Setup::new(way, 1, 2, SMALL).adaptive(),
        Setup::new(way, 2, 3, SMALL).adaptive(),
        Setup::new(way, 1, 2, budget(4, 1, 0, 0)).impatient(),
        Setup::new(way, 3, 4, budget(4, 1, 0, 0)).impatient(),
    ]
}

fn strangers(way: Way) -> Vec<Setup> {
    vec![
        Setup::new(way, 1, 2, budget(1, 1, 0, 1)).stranger(1),
        Setup::new(way, 3, 4, budget(1, 0, 1, 1)).stranger(1),
        Setup::new(way, 2, 3, budget(1, 0, 0, 1)).stranger(2),
        Setup::new(way, 1, 2, budget(1, 0, 0, 1))
            .table()
            .stranger(1),
        Setup::new(way, 3, 4, budget(1, 0, 0, 1))
            .table()
            .stranger(1),
    ]
}

/// With one port for all, a late copy of the request can begin another transfer.
fn tables(way: Way) -> Vec<Setup> {
    // Two late copies of a read request, with a time-out before them, are a client that has started anew: here
    // there is one.
    let (doubled, held, usual) = match way {
        Way::Get => (budget(2, 1, 0, 1), budget(2, 0, 1, 1), budget(1, 1, 0, 1)),
        Way::Put => (USUAL, USUAL, SMALL),
    };
    let mut setups = vec![
        Setup::new(way, 1, 3, doubled).table(),
        Setup::new(way, 1, 2, held).table(),
        Setup::new(way, 1, 2, doubled).plain(2).table(),
        Setup::new(way, 4, 2, usual).ignored(2).table(),
        Setup::new(way, 4, 2, held).refused(2).table(),
        Setup::new(way, 2, 4, doubled).table(),
        Setup::new(way, 3, 5, usual).table(),
        Setup::new(way, 4, 6, usual).unknown().table(),
    ];
    if held != doubled {
        setups.push(Setup::new(way, 2, 4, held).table());
    }
    setups
}

fn rollovers(way: Way) -> Vec<Setup> {
    let mut setups = vec![
        Setup::new(way, 1, 0, USUAL).at_the_wrap(2, 5),
        Setup::new(way, 2, 0, SMALL).at_the_wrap(3, 6),
        Setup::new(way, 3, 0, SMALL).at_the_wrap(2, 5),
        Setup::new(way, 4, 0, SMALL).at_the_wrap(3, 7),
        Setup::new(way, 1, 0, USUAL).at_the_wrap(2, 5).to_one(true),
        Setup::new(way, 2, 0, SMALL).at_the_wrap(3, 6).to_one(true),
        Setup::new(way, 4, 0, SMALL).at_the_wrap(3, 7).to_one(true),
        Setup::new(way, 2, 0, budget(1, 0, 1, 1))
            .table()
            .at_the_wrap(3, 6),
        Setup::new(way, 3, 0, budget(1, 1, 0, 1))
            .table()
            .at_the_wrap(4, 8)
            .to_one(true),
    ];
    // A client that sends always asks for what it wants.
    if way == Way::Get {
        setups.push(Setup::new(way, 1, 0, USUAL).at_the_wrap(2, 5).to_one(false));
        setups.push(Setup::new(way, 2, 0, SMALL).at_the_wrap(3, 6).to_one(false));
        setups.push(Setup::new(way, 2, 0, SMALL).at_the_wrap(2, 6).to_one(false));
        setups.push(Setup::new(way, 3, 0, SMALL).at_the_wrap(2, 5).to_one(false));
        setups.push(Setup::new(way, 4, 0, SMALL).at_the_wrap(3, 7).to_one(false));
    }
    setups
}

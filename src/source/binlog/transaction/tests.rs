mod images;
mod payloads;
mod xa;

use proptest::prelude::*;

use super::{
    super::{
        error::BinlogError,
        event::kind,
        fixture::{
            Count, IMAGES, MARIADB, Player, SHAPES, TYPES_FULL, TYPES_MINIMAL, XA, event_of,
            events, events_and_inner, raw_events,
        },
        payload::Payload,
        raw::EventReader,
        rows::{self, show_change},
        table_map::{Dialect, TableMapHead},
        wire::Wire,
    },
    *,
};
use crate::model::{
    change::ChangeKind,
    table::{Charset, Column, ColumnType, Key, KeyColumn, TableName, TableSchema},
};

/// What every column of `types.sql` is expected to be shown as.
const TYPES: &str = include_str!("../testdata/types.txt");

async fn played(file: &[u8]) -> (Player, Result<(), Halt>) {
    let mut player = Player::new(Vec::new(), Vec::new());
    let outcome = player.play(events(file)).await;
    (player, outcome)
}

/// The error that playing these events ends with, and the last thing told before it.
async fn failure(player: &mut Player, events: Vec<Event<'static>>) -> BinlogError {
    match player.play(events).await {
        Err(Halt::Failed(error)) => error,
        other => panic!("no error but {other:?}"),
    }
}

/// The events of the recorded file up to the first one of a kind, which is left out.
fn before(file: &[u8], kind: u8) -> (Vec<Event<'static>>, Event<'static>) {
    let all = events(file);
    let place = all.iter().position(|event| event.header().kind == kind).unwrap();
    (all[..place].to_vec(), all[place].clone())
}

#[tokio::test]
async fn every_type_is_read_as_the_server_wrote_it() {
    let (player, outcome) = played(TYPES_FULL).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let table = &player.schemas[0];
    let rows = player.told.iter().filter(|line| line.contains(" types "));
    let told: String =
        rows.flat_map(|row| images(row)).fold(String::new(), |told, (sign, image)| {
            let cells = table.columns.iter().zip(image.split('|'));
            cells.fold(told, |told, (column, cell)| {
                format!("{told}{sign} {} = {cell}\n", column.name)
            })
        });
    assert_eq!(told, TYPES);
}

/// The images of a row as told, each with its sign.
fn images(row: &str) -> Vec<(char, &str)> {
    let (before, after) = row.split_once(" + ").map_or((row, None), |(b, a)| (b, Some(a)));
    let before = before.split_once(" - ").map(|(_, image)| ('-', image));
    before.into_iter().chain(after.map(|image| ('+', image))).collect()
}

#[tokio::test]
async fn minimal_metadata_is_completed_by_the_schema() {
    let (full, _) = played(TYPES_FULL).await;
    let schema = TableSchema::clone(&full.schemas[0]);
    let mut minimal = Player::new(Vec::new(), vec![schema]);
    minimal.play(events(TYPES_MINIMAL)).await.unwrap();
    let rows = |player: &Player| {
        let rows = player.told.iter().filter(|line| line.contains(" types "));
        rows.cloned().collect::<Vec<_>>()
    };
    assert_eq!(rows(&minimal), rows(&full));
    assert_eq!(rows(&full).len(), 5);
}

#[tokio::test]
async fn transactions_of_all_shapes_end_in_one_mark_each() {
    let (player, outcome) = played(SHAPES).await;
    let expected = "mark 1, mark 2, mark 3, \
        CREATE TABLE fixture.shapes, insert shapes + 1|'a'|'x', insert shapes + 2|'b'|'y', mark 4, \
        insert shapes + 3|'c'|null, update shapes - 3|'c'|null + 3|'cc'|null, mark 5, \
        CREATE TABLE fixture.plain, insert plain + 1|'p', mark 6, \
        insert shapes + 6|'f'|null, mark 7, \
        insert shapes + 7|'g'|'ZZ', insert shapes + 8|'h'|null, mark 8, \
        update shapes - 8|'h'|null + 8|'hh'|null, mark 9, \
        insert shapes + 9|'i'|null, mark tagged:1, \
        insert shapes + 10|'j'|null, mark 10, \
        CREATE TABLE fixture.copied, insert copied + 9|'i'|null, insert copied + 10|'j'|null, mark 11, \
        mark 12, ALTER TABLE fixture.shapes, insert shapes + 11|'k'|null|5, mark 13, \
        insert shapes + 12|'l'|null|5, mark 14, mark 15";
    assert_eq!(player.told.join(", ").replace(&"z".repeat(50), "ZZ"), expected);
    let Err(Halt::Failed(BinlogError::Statement { verb, table })) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((verb, table.unwrap().to_string().as_str()), ("INSERT", "fixture.shapes"));
}

#[tokio::test]
async fn the_position_moves_with_the_marks() {
    let (mut player, _) = played(SHAPES).await;
    let position = player.assembler.position().clone();
    let set = position.gtid_set.unwrap().to_string();
    assert_eq!(set.split_once(':').unwrap().1, "1-15:tagged:1");
    let anchor = position.anchor.unwrap();
    assert!(anchor.gtid.to_string().ends_with(":15"));
    assert!(anchor.committed_micros > 1_700_000_000_000_000 && anchor.offset < position.offset);
}

#[tokio::test]
async fn a_changed_byte_is_seen_by_the_checksum() {
    let mut file = TYPES_FULL.to_vec();
    let end = file.len();
    file[end - 40] ^= 1;
    let (player, outcome) = played(&file).await;
    assert!(matches!(outcome, Err(Halt::Failed(BinlogError::Checksum(_)))), "{outcome:?}");
    assert_eq!(player.told.last().unwrap(), "mark 5", "nothing of it is counted as passed");
}

#[tokio::test]
async fn unknown_events_stop_unless_they_may_be_ignored() {
    let mut player = Player::new(Vec::new(), Vec::new());
    let error = failure(&mut player, vec![event_of(99, 100, b"")]).await;
    assert!(matches!(error, BinlogError::UnknownEvent(99)));
    let mut bytes = vec![1, 0, 0, 0, 99, 1, 0, 0, 0, 19, 0, 0, 0, 100, 0, 0, 0, 0x80, 0];
    bytes.truncate(19);
    let ignorable = EventReader::read_plain(bytes).unwrap();
    Player::new(Vec::new(), Vec::new()).play(vec![ignorable]).await.unwrap();
}

#[tokio::test]
async fn an_event_past_the_limit_names_its_table_and_size() {
    let (mut played, rows) = before(SHAPES, kind::WRITE_ROWS);
    let mut body = rows.data().to_vec();
    body.resize(2 << 20, 0);
    played.push(event_of(kind::WRITE_ROWS, 5000, &body));
    let error = failure(&mut Player::new(Vec::new(), Vec::new()), played).await;
    let BinlogError::TooLarge { table: Some(table), size, limit } = error else { panic!() };
    assert_eq!((table.to_string().as_str(), limit), ("fixture.shapes", 1 << 20));
    assert!(size > 2 << 20);
}

#[tokio::test]
async fn a_transaction_inside_another_is_damage() {
    let (mut played, _) = before(SHAPES, kind::WRITE_ROWS);
    let gtid = played.iter().find(|e| e.header().kind == kind::GTID).unwrap();
    let again = event_of(kind::GTID, 5000, gtid.data());
    played.push(again);
    let error = failure(&mut Player::new(Vec::new(), Vec::new()), played).await;
    assert!(error.is_corruption(), "{error:?}");
}

#[tokio::test]
async fn an_anonymous_transaction_in_a_gtid_stream_stops() {
    let body = [0; 25];
    let anonymous = vec![event_of(kind::ANONYMOUS_GTID, 100, &body)];
    let error = failure(&mut Player::new(Vec::new(), Vec::new()), anonymous.clone()).await;
    assert!(matches!(error, BinlogError::Anonymous));
    let start = Position { file: "b.1".into(), offset: 4, ..Position::default() };
    Player::at(start, Vec::new(), Vec::new()).play(anonymous).await.unwrap();
}

#[tokio::test]
async fn without_gtids_known_transactions_are_skipped_and_rotations_move_the_position() {
    let (mut full, _) = played(SHAPES).await;
    let end = full.assembler.position().offset;
    let marks = |player: &Player| player.told.iter().filter(|l| l.starts_with("mark")).count();
    let start = Position { file: "b.1".into(), offset: end / 2, ..Position::default() };
    let mut player = Player::at(start, Vec::new(), Vec::new());
    player.assembler.restart(4);
    let outcome = player.play(events(SHAPES)).await;
    assert!(matches!(outcome, Err(Halt::Failed(BinlogError::Statement { .. }))), "{outcome:?}");
    assert!((1..15).contains(&marks(&player)), "{:?}", player.told);
    assert!(player.told.contains(&"insert shapes + 12|'l'|null|5".to_owned()));
    player.assembler.restart(4);
    let mut rotate = 4_u64.to_le_bytes().to_vec();
    rotate.extend(b"b.2");
    player.play(vec![event_of(kind::ROTATE, 9999, &rotate)]).await.unwrap();
    let position = player.assembler.position();
    assert_eq!((position.file.as_str(), position.offset), ("b.2", 4));
    assert!(position.gtid_set.is_none() && position.anchor.is_none());
}

pub(super) fn query(text: &str) -> Event<'static> {
    query_of(&[], text.as_bytes())
}

/// A statement with its session's status variables.
fn query_of(status: &[u8], text: &[u8]) -> Event<'static> {
    let mut body = vec![0; 8];
    body.extend([7, 0, 0, u8::try_from(status.len()).unwrap(), 0]);
    body.extend(status);
    body.extend(b"fixture\0");
    body.extend(text);
    event_of(kind::QUERY, 9000, &body)
}

fn gtid(number: u64) -> Event<'static> {
    let mut body = vec![0];
    body.extend([7; 16]);
    body.extend(number.to_le_bytes());
    event_of(kind::GTID, 8000, &body)
}

/// Without one the checksum would be read as the end of a statement: `BEGIN` would be none, and its rows be lost.
#[tokio::test]
async fn nothing_is_taken_before_a_format_description() {
    for first in [gtid(1), query("BEGIN")] {
        let mut player = Player::new(Vec::new(), Vec::new());
        player.assembler.is_described = false;
        let error = failure(&mut player, vec![first]).await;
        assert!(matches!(error, BinlogError::Transport), "{error:?}");
    }
}

fn orders() -> TableSchema {
    let column = |name: &str, kind| Column {
        name: name.to_owned(),
        kind,
        nullable: true,
        generated: false,
        invisible: false,
        on_update_timestamp: false,
    };
    let int = ColumnType::Int { bytes: 4, unsigned: false, boolean: false };
    let text = ColumnType::Varchar { charset: Charset::Utf8, max_bytes: 80 };
    TableSchema {
        columns: vec![column("id", int), column("name", text)],
        key: Some(Key {
            index: "PRIMARY".to_owned(),
            columns: vec![KeyColumn { column: 0, descending: false }],
            hidden: false,
        }),
        ..TableSchema::named(TableName::new("fixture", "orders"))
    }
}

/// Runs one statement on a copied table `orders` that the source describes like this.
async fn run(statement: &str, described: TableSchema) -> Result<Vec<String>, Halt> {
    let mut player = Player::new(vec![Arc::new(orders())], vec![described]);
    player.play(vec![gtid(1), query(statement)]).await?;
    Ok(player.told)
}

#[tokio::test]
async fn statements_that_keep_rows_go_on() {
    for statement in [
        "create index i on orders (name)",
        "alter table orders add key (name)",
        "analyze table orders",
        "drop table elsewhere.orders, unknown",
        "truncate other",
        "insert into elsewhere.orders values (1)",
        "drop database elsewhere",
        "create user x",
    ] {
        let told = run(statement, orders()).await;
        assert_eq!(told.unwrap(), ["mark 1"], "{statement}");
    }
    let mut wider = orders();
    wider.columns.push(Column { name: "more".to_owned(), ..orders().columns[1].clone() });
    let told = run("alter table orders add column more varchar(20)", wider).await;
    assert_eq!(told.unwrap(), ["ALTER TABLE fixture.orders", "mark 1"]);
}

#[tokio::test]
async fn columns_that_are_added_later_are_not_taken_for_the_rows_of_now() {
    let mut wider = orders();
    let column = |name: &str| Column { name: name.to_owned(), ..orders().columns[1].clone() };
    wider.columns.extend([column("more"), column("even_more"), column("most")]);
    let mut player = Player::new(vec![Arc::new(orders())], vec![wider.clone(), wider]);
    let statements =
        ["add column more varchar(20)", "add (even_more varchar(20), most varchar(20))"];
    for (number, (actions, columns)) in (1..).zip(statements.into_iter().zip([3, 5])) {
        let statement = format!("alter table orders {actions}");
        player.play(vec![gtid(number), query(&statement)]).await.unwrap();
        let known = player.assembler.tables.schema(&orders().name).unwrap();
        assert_eq!(known.columns.len(), columns, "{statement}");
    }
}

#[tokio::test]
async fn statements_that_do_not_stop_before_their_mark() {
    let mut rekeyed = orders();
    rekeyed.key = None;
    for (statement, verb) in [
        ("drop table x, orders", "DROP TABLE"),
        ("truncate orders", "TRUNCATE TABLE"),
        ("rename table orders to old", "RENAME TABLE"),
        ("rename table elsewhere.x to incoming", "RENAME TABLE"),
        ("alter table orders drop name", "ALTER TABLE"),
        ("drop database fixture", "DROP DATABASE"),
        ("alter table orders add column x int unique", "ALTER TABLE"),
        ("alter table orders modify name text", "ALTER TABLE"),
    ] {
        match run(statement, rekeyed.clone()).await {
            Err(Halt::Failed(BinlogError::SchemaChange { verb: told, .. })) => {
                assert_eq!(told, verb, "{statement}");
            }
            other => panic!("{statement}: {other:?}"),
        }
    }
    for (statement, table) in
        [("update orders set id = 1", Some("fixture.orders")), ("update a, b set a.x = 1", None)]
    {
        match run(statement, orders()).await {
            Err(Halt::Failed(BinlogError::Statement { table: told, .. })) => {
                assert_eq!(told.map(|table| table.to_string()).as_deref(), table, "{statement}");
            }
            other => panic!("{statement}: {other:?}"),
        }
    }
    let mut with_vector = orders();
    with_vector.columns[1].kind = ColumnType::Unsupported { declared: "vector(3)".to_owned() };
    let outcome = run("alter table orders add v vector(3)", with_vector).await;
    assert!(matches!(outcome, Err(Halt::Failed(BinlogError::Unsupported { .. }))));
}

/// In gbk C4 A3 is a name of one character, and in UTF-8 one of another.
#[tokio::test]
async fn names_in_statements_are_in_the_sessions_charset() {
    let table = TableSchema { name: TableName::new("fixture", "模"), ..orders() };
    let flags_mode_catalog = b"\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\x06\x03std";
    let gbk = [&flags_mode_catalog[..], &[4, 28, 0, 28, 0, 255, 0]].concat();
    for (status, text) in [
        (gbk.as_slice(), &b"truncate \xc4\xa3 -- \x81\x5c"[..]),
        (&[4, 255, 0, 255, 0, 255, 0], "truncate 模".as_bytes()),
        (&[], "truncate `模`".as_bytes()),
    ] {
        let mut player = Player::new(vec![Arc::new(table.clone())], vec![table.clone()]);
        let outcome = player.play(vec![gtid(1), query_of(status, text)]).await;
        let is_told = matches!(&outcome, Err(Halt::Failed(BinlogError::SchemaChange { table, .. })) if table.table == "模");
        assert!(is_told, "{text:x?}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_a_later_copy_holds_already_is_passed_over() {
    let copied_at = Position {
        gtid_set: Some("07070707-0707-0707-0707-070707070707:1-5".parse().unwrap()),
        ..Position::default()
    };
    for statement in ["truncate orders", "drop database fixture", "update orders set id = 1"] {
        let mut player = Player::new(vec![Arc::new(orders())], vec![orders()]);
        let fresh = vec![(orders().name, copied_at.clone())];
        player.assembler.tables.fresh = super::super::fresh::Fresh::new(fresh);
        for number in 1..=5 {
            player.play(vec![gtid(number), query(statement)]).await.unwrap();
        }
        assert!(player.assembler.tables.fresh.is_empty(), "the copy is reached");
        let outcome = player.play(vec![gtid(6), query(statement)]).await;
        assert!(outcome.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn incidents_stop() {
    let mut player = Player::new(Vec::new(), Vec::new());
    let error = failure(&mut player, vec![event_of(kind::INCIDENT, 1, &[1, 0, 0])]).await;
    assert!(matches!(error, BinlogError::Incident));
}

/// The recorded file with one of its events changed: bits flipped, its end cut off.
fn mutated(file: &[u8], index: usize, cut: usize, flips: &[(usize, u8)]) -> Vec<Event<'static>> {
    let mut all = events_and_inner(file);
    let index = index % all.len();
    let (kind, log_pos) = (all[index].header().kind, all[index].header().log_pos);
    let mut body = all[index].data().to_vec();
    for (place, bits) in flips {
        let length = body.len().max(1);
        if let Some(byte) = body.get_mut(place % length) {
            *byte ^= bits;
        }
    }
    body.truncate(body.len().saturating_sub(cut));
    all[index] = event_of(kind, log_pos, &body);
    all
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_events_are_errors_and_never_panics(
        file in prop_oneof![
            Just(TYPES_FULL), Just(SHAPES), Just(TYPES_MINIMAL), Just(MARIADB), Just(XA),
            Just(IMAGES)
        ],
        index in any::<usize>(),
        cut in prop_oneof![Just(0_usize), 0_usize..60],
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
    ) {
        let events = mutated(file, index, cut, &flips);
        block_on(async move {
            let mut player = Player::new(Vec::new(), Vec::new());
            drop(player.play(events).await);
        });
    }

    #[test]
    fn any_bytes_can_be_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut parsed = 0;
        for kind in 0..=50 {
            parsed += usize::from(event::gtid(kind, &bytes).is_ok());
            parsed += usize::from(rows::head(kind, &bytes).is_ok());
        }
        parsed += usize::from(event::query(&bytes).is_ok() && event::load_query(&bytes).is_ok());
        parsed += usize::from(event::rotate(&event_of(4, 0, &bytes)).is_ok());
        if let Ok(mut payload) = Payload::open(&bytes) {
            parsed += usize::from(payload.next(|_, _| Ok(())).is_ok());
        }
        parsed += usize::from(mariadb::gtid(1, &bytes).is_ok());
        parsed += usize::from(mariadb::inflate(&bytes, 1 << 20).is_ok());
        if let Ok(head) = TableMapHead::parse(&bytes) {
            parsed += usize::from(head.columns(Dialect::Mysql).is_ok());
        }
        parsed += usize::from(event::xa_prepare(&bytes).is_ok());
        prop_assert!(parsed < 200);
    }

    #[test]
    fn any_rows_can_be_decoded_without_panic(
        start in 0_usize..40,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let (played, _) = before(TYPES_FULL, kind::WRITE_ROWS);
        block_on(async move {
            let mut player = Player::new(Vec::new(), Vec::new());
            let table_id = rows::table_id(played.last().unwrap().data()).unwrap();
            player.play(played).await.unwrap();
            let Some(Route::Ours(plan)) = player.assembler.tables.route(table_id) else { panic!() };
            let cells = plan.cells.get(start..).unwrap();
            for change in [ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete] {
                let mut shown = Count::default();
                let outcome = show_change(cells, change, &mut Wire(&bytes), &mut shown);
                assert!(outcome.is_err() || shown.0 >= cells.len());
            }
        });
    }
}

#[test]
fn the_recorded_files_are_whole() {
    for file in [TYPES_FULL, TYPES_MINIMAL, SHAPES, XA, IMAGES] {
        let length: usize = raw_events(file).iter().map(|event| event.len()).sum();
        assert_eq!(length + 4, file.len());
    }
}

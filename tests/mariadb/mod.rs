//! MariaDB as a source: what is promised of MySQL holds there too, and its own ways are known.

mod copying;

create table types (
  id bigint unsigned not null primary key,
  t tinyint, tu tinyint unsigned, b1 tinyint(1), s smallint, su smallint unsigned, m mediumint, mu mediumint unsigned,
  i int, iu int unsigned, b bigint, bu bigint unsigned,
  y year, f float, d double, dec1 decimal(10,2), dec2 decimal(34,10), dec3 decimal(65,30), dec4 decimal(5,0) zerofill,
  bit1 bit(1), bit12 bit(12), bit64 bit(64),
  da date, dt datetime, dt6 datetime(6), ts timestamp null, ts3 timestamp(3) null, ti time, ti2 time(2), ti6 time(6),
  c char(10), c300 char(255) character set utf8mb4, l1 varchar(20) character set latin1, v varchar(300), a char(5) character set ascii,
  tt tinytext, tx text, mt mediumtext character set latin1, lt longtext,
  bi binary(8), vb varbinary(8), vb300 varbinary(300), bl blob, tb tinyblob, mb mediumblob, lb longblob,
  e enum('red','green','it''s') , s3 set('a','b','c'), s9 set('a','b','c','d','e','f','g','h','i'),
  j json, g geometry, p point, inv int invisible, gen int as (i * 2) virtual, gens varchar(20) as (concat('x', t)) stored,
  index func ((i + 1))
);
insert into types (id, t, tu, b1, s, su, m, mu, i, iu, b, bu, y, f, d, dec1, dec2, dec3, dec4, bit1, bit12, bit64,
  da, dt, dt6, ts, ts3, ti, ti2, ti6, c, c300, l1, v, a, tt, tx, mt, lt, bi, vb, vb300, bl, tb, mb, lb, e, s3, s9, j, g, p, inv) values
 (1, -128, 255, 1, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615,
  0, -1.5, 1e300, -12345678.90, -123456789012345678901234.0123456789, -12345678901234567890123456789012345.012345678901234567890123456789, 42,
  1, 2748, 18446744073709551615, '2024-02-29', '9999-12-31 23:59:59', '1000-01-01 00:00:00.000001', '2038-01-19 03:14:07', '2024-06-01 12:00:00.123',
  '-838:59:59', '-01:02:03.25', '-00:00:00.000001', 'char', 'ünï', unhex('C3A9E4'), repeat("é", 130), 'asc', 'tt', 'tx', unhex('E9'), 'lt',
  unhex('0102000000000000'), unhex('0100'), repeat("x", 260), unhex('00FF'), 'tb', 'mb', 'lb', 'green', 'a,c', 'a,i',
  '{"k": [1, 2.5, "x"]}', st_geomfromtext('linestring(1 2,3 4)'), point(1, -2), 7),
 (2, 127, 0, 0, 32767, 0, 8388607, 0, 2147483647, 0, 9223372036854775807, 0,
  2155, 0, -0.25, 0, 0.0000000001, 0.1, 99999,
  0, 0, 0, '0000-00-00', '0000-00-00 00:00:00', '2024-00-15 01:02:03.999999', '0000-00-00 00:00:00', '1970-01-01 00:00:01.001',
  '838:59:59', '00:00:00.01', '12:34:56.789012', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', 'wrong', '', '',
  'null', st_geomfromtext('point(0 0)', 4326), null, null);
insert into types (id) values (3);
update types set m = -1, ti2 = '-00:00:00.99', dec1 = 0.05, s9 = 'a,b,c,d,e,f,g,h,i' where id = 1;
delete from types where id = 2;

create table types (id int primary key, u uuid, i4 inet4, i6 inet6,
  vc varchar(200) compressed character set utf8mb4 collate utf8mb4_general_ci, vcl varchar(2000) compressed character set latin1, vb varbinary(100) compressed,
  tc text compressed character set utf8mb4 collate utf8mb4_general_ci, bc mediumblob compressed, j json, jc longtext compressed character set utf8mb4 collate utf8mb4_general_ci check (json_valid(jc)),
  v vector(3), v2 vector(100), g geometry, p point, la varchar(10) character set latin1, e enum('a','b'), s set('x','y'),
  ts timestamp(6) null, ti time(3), y year, bt bit(9), mu mediumint unsigned, inv int invisible, gs int as (id + 1) stored
) character set utf8mb4 collate utf8mb4_general_ci;
insert into types (id, u, i4, i6, vc, vcl, vb, tc, bc, j, jc, v, v2, g, p, la, e, s, ts, ti, y, bt, mu, inv) values
 (1, '123e4567-e89b-12d3-a456-426655440000', '10.0.0.0', '2001:db8::ff00:42:8329', repeat('a', 150), repeat('b', 1500), repeat('c', 50),
  repeat('d', 500), repeat('e', 700), '{"a": 1}', concat('[', repeat('1,', 200), '1]'), vec_fromtext('[1,2.5,-3]'),
  vec_fromtext(concat('[', repeat('1,', 99), '0]')), st_geomfromtext('point(3 4)', 4326), point(1, 2), 'é', 'b', 'x,y',
  '2040-01-01 00:00:00.123456', '-10:11:12.345', 2026, 300, 16777215, 7);
insert into types (id, u, i6, vc, tc, j) values (2, '00000000-0000-0000-0000-000000000000', '::', '', 'é', 'null');
set column_compression_zlib_wrap = on;
insert into types (id, u, vc, tc) values (3, 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', repeat('z', 190), repeat('é', 300));
delete from types where id < 3;

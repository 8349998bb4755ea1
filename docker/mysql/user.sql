-- All that binleaf needs: reading, and following the binlog. No RELOAD, no LOCK TABLES, no write.
CREATE USER 'binleaf'@'%' IDENTIFIED BY 'change me';
GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'binleaf'@'%';

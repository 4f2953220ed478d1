# What is installed, and where; with EMLFS_DEBIAN, as Debian's policy wants it.
include(GNUInstallDirs)

install(TARGETS emlfs RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The helper that mount(8) looks for in /sbin is emlfs by another name.
file(RELATIVE_PATH emlfs_from_sbin ${CMAKE_INSTALL_FULL_SBINDIR} ${CMAKE_INSTALL_FULL_BINDIR}/emlfs)
file(CREATE_LINK ${emlfs_from_sbin} ${PROJECT_BINARY_DIR}/mount.emlfs SYMBOLIC)
install(FILES ${PROJECT_BINARY_DIR}/mount.emlfs DESTINATION ${CMAKE_INSTALL_SBINDIR})

# Written when it is installed, since only then it is known for sure where to (--prefix).
install(CODE "
  get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
  set(bin \"\${prefix}/${CMAKE_INSTALL_BINDIR}\")
  set(unit \"\${prefix}/lib/systemd/user/emlfs@.service\")
  configure_file(\"${PROJECT_SOURCE_DIR}/systemd/emlfs@.service.in\" \"\$ENV{DESTDIR}\${unit}\" @ONLY)
  message(STATUS \"Installing: \$ENV{DESTDIR}\${unit}\")
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${unit}\")")

function(install_page page section)
  set(installed ${docs_directory}/${page})
  if(EMLFS_DEBIAN)
    set(installed ${docs_directory}/${page}.gz)
    add_custom_command(OUTPUT ${installed} DEPENDS ${docs_directory}/${page} VERBATIM
      COMMAND gzip -9nkf ${docs_directory}/${page})
    list(APPEND compressed ${installed})
    set(compressed ${compressed} PARENT_SCOPE)
  endif()
  install(FILES ${installed} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
install_page(emlfs.1 1)
install_page(emlfs.toml.5 5)
# The helper's page is the program's, too.
set(emlfs_page emlfs.1)
if(EMLFS_DEBIAN)
  set(emlfs_page emlfs.1.gz)
endif()
string(REPLACE emlfs.1 mount.emlfs.8 helper_page ${emlfs_page})
file(CREATE_LINK ../man1/${emlfs_page} ${PROJECT_BINARY_DIR}/${helper_page} SYMBOLIC)
install(FILES ${PROJECT_BINARY_DIR}/${helper_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)

install(FILES ${docs_directory}/emlfs.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME emlfs)
install(FILES ${docs_directory}/_emlfs DESTINATION
  ${CMAKE_INSTALL_DATADIR}/zsh/$<IF:$<BOOL:${EMLFS_DEBIAN}>,vendor-completions,site-functions>)
install(FILES ${docs_directory}/emlfs.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(FILES README.md docs/accounts.md docs/recipes.md docs/safety.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(PROGRAMS examples/sort-mail examples/grep-decoded
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

if(EMLFS_DEBIAN)
  set(changelog ${PROJECT_BINARY_DIR}/changelog.gz)
  add_custom_command(OUTPUT ${changelog} DEPENDS ${PROJECT_SOURCE_DIR}/packaging/changelog VERBATIM
    COMMAND sh -c "gzip -9nc \"$1\" >\"$2\"" gzip ${PROJECT_SOURCE_DIR}/packaging/changelog ${changelog})
  add_custom_target(debian_files ALL DEPENDS ${compressed} ${changelog})
  add_dependencies(debian_files docs)
  install(FILES packaging/copyright ${changelog} DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES packaging/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME emlfs)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "The emlfs project <emlfs@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "mount an IMAP account as a directory tree")
set(CPACK_PACKAGE_DESCRIPTION
"Mailboxes are directories, messages are .eml files. Nothing is downloaded
first: a message comes over the network when something reads it, and stays in a
local cache. Moving, deleting, adding and flagging files changes the mailbox,
also while the server can't be reached.
.
Mounts by hand, from fstab or autofs (mount.emlfs), or at login (a systemd user
unit).")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "fuse3, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
include(CPack)
